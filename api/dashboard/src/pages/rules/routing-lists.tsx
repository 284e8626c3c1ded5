/** What stands beside the route tree: receivers, silences, inhibitions, escalations. */
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { useSession } from "@/api/session";
import { useNow } from "@/stream/context";
import { Button, TimeText } from "@/ui/basics";
import {
  entriesOf,
  freshSilence,
  type ListName,
  phaseOf,
  withEntry,
  withNew,
  without,
  withoutOver,
} from "./beside";
import { EscalationForm, FIELDS, InhibitionForm, SilenceForm } from "./beside-forms";
import { type DocumentProblem, type RoutingDocument, under } from "./document";
import { Problems } from "./fields";

interface Props {
  document: RoutingDocument;
  problems: readonly DocumentProblem[];
  readOnly: boolean;
  change: (document: RoutingDocument) => void;
}

const code = (matchers: readonly string[] | undefined) => <code>{(matchers ?? []).join(" ")}</code>;

export function Beside({ document, problems, readOnly, change }: Props) {
  const { t } = useTranslation("rules");
  const { me } = useSession();
  const now = useNow(60_000);
  const [open, setOpen] = useState<[ListName, number] | null>(null);
  const receivers = (document.receivers ?? []).map((one) => one.name);
  const over = entriesOf(document, "silences").some((one) => phaseOf(one, now) === "over");
  const entry = (name: ListName, index: number, label: string) => ({
    label,
    problems: under(problems, name, index),
    readOnly,
    open: open?.[0] === name && open[1] === index,
    toggle: (to: boolean) => setOpen(to ? [name, index] : null),
    remove: () => {
      setOpen(null);
      change(without(document, name, index));
    },
  });
  const add = (name: ListName, made: RoutingDocument) => {
    change(made);
    setOpen([name, entriesOf(document, name).length]);
  };
  return (
    <div className="rules-beside">
      <List name="receivers" problems={problems}>
        {(document.receivers ?? []).map((one) => (
          <li key={one.name}>
            <strong>{one.name}</strong>{" "}
            {(one.channels ?? [])
              .map((channel) => channel.name ?? channel.kind)
              .join(one.fanout ? " + " : " → ") || t("beside.noChannel")}
          </li>
        ))}
      </List>
      <List
        name="silences"
        problems={problems}
        actions={
          readOnly ? null : (
            <>
              <Button
                onClick={() =>
                  add(
                    "silences",
                    withNew(document, "silences", freshSilence(document, me.name, Date.now())),
                  )
                }
              >
                {t("silence.add")}
              </Button>
              {over ? (
                <Button onClick={() => change(withoutOver(document, Date.now()))}>
                  {t("silence.removeOver")}
                </Button>
              ) : null}
            </>
          )
        }
      >
        {entriesOf(document, "silences").map((one, index) => (
          <Entry
            key={one.silence_id}
            {...entry("silences", index, one.silence_id)}
            form={
              <SilenceForm
                label={one.silence_id}
                entry={one}
                problems={under(problems, "silences", index)}
                change={(made) => change(withEntry(document, "silences", index, made))}
              />
            }
          >
            <strong>{one.silence_id}</strong> {code(one.matchers)}{" "}
            <TimeText at={one.starts_at} site={null} /> – <TimeText at={one.ends_at} site={null} />{" "}
            <span className="quiet">
              {t(`silence.${phaseOf(one, now)}`)} {one.created_by} {one.comment}
            </span>
          </Entry>
        ))}
      </List>
      <List
        name="inhibit"
        problems={problems}
        actions={
          readOnly ? null : (
            <Button
              onClick={() =>
                add("inhibit", withNew(document, "inhibit", { source: [], target: [] }))
              }
            >
              {t("inhibition.add")}
            </Button>
          )
        }
      >
        {entriesOf(document, "inhibit").map((one, index) => {
          const label = t("inhibition.label", { number: index + 1 });
          return (
            <Entry
              key={index}
              {...entry("inhibit", index, label)}
              form={
                <InhibitionForm
                  label={label}
                  entry={one}
                  problems={under(problems, "inhibit", index)}
                  change={(made) => change(withEntry(document, "inhibit", index, made))}
                />
              }
            >
              {code(one.source)} {t("beside.quiets")} {code(one.target)}
              {one.equal?.length ? ` ${t("beside.equal", { labels: one.equal.join(", ") })}` : ""}
            </Entry>
          );
        })}
      </List>
      <List
        name="escalations"
        problems={problems}
        actions={
          readOnly ? null : (
            <Button
              disabled={!receivers.length}
              onClick={() =>
                add(
                  "escalations",
                  withNew(document, "escalations", {
                    steps: [{ after: "15m", receiver: receivers[0] ?? "" }],
                  }),
                )
              }
            >
              {t("escalation.add")}
            </Button>
          )
        }
      >
        {entriesOf(document, "escalations").map((one, index) => {
          const label = t("escalation.label", { number: index + 1 });
          return (
            <Entry
              key={index}
              {...entry("escalations", index, label)}
              form={
                <EscalationForm
                  label={label}
                  entry={one}
                  receivers={receivers}
                  problems={under(problems, "escalations", index)}
                  change={(made) => change(withEntry(document, "escalations", index, made))}
                />
              }
            >
              {one.matchers?.length ? code(one.matchers) : t("routes.every")}
              {": "}
              {one.steps.map((step) => `${step.after} → ${step.receiver}`).join(", ")}
            </Entry>
          );
        })}
      </List>
    </div>
  );
}

interface ListProps {
  name: "receivers" | ListName;
  problems: readonly DocumentProblem[];
  actions?: ReactNode;
  children: ReactNode[];
}

function List({ name, problems, actions, children }: ListProps) {
  const { t } = useTranslation("rules");
  // Those of an entry are told at the entry, where it can be opened.
  const own = under(problems, name).filter(
    (one) => name === "receivers" || typeof one.path[1] !== "number",
  );
  return (
    <section className="panel" aria-label={t(`beside.${name}`)}>
      <h2>{t(`beside.${name}`)}</h2>
      {children.length ? <ul>{children}</ul> : <p className="quiet">{t("beside.none")}</p>}
      <Problems of={own} />
      {actions ? <div className="rules-row">{actions}</div> : null}
    </section>
  );
}

interface EntryProps {
  label: string;
  problems: readonly DocumentProblem[];
  readOnly: boolean;
  open: boolean;
  toggle: (open: boolean) => void;
  remove: () => void;
  form: ReactNode;
  children: ReactNode;
}

/** An entry as it reads, and below it the form, where it is open. */
function Entry({ label, problems, readOnly, open, toggle, remove, form, children }: EntryProps) {
  const { t } = useTranslation("rules");
  const editing = open && !readOnly;
  return (
    <li>
      <div className="rules-summary">
        <span>{children}</span>
        {readOnly ? null : (
          <span className="rules-row">
            <Button
              aria-expanded={open}
              aria-label={t("beside.edit", { label })}
              onClick={() => toggle(!open)}
            >
              ✎
            </Button>
            <Button kind="danger" aria-label={t("beside.remove", { label })} onClick={remove}>
              ×
            </Button>
          </span>
        )}
      </div>
      {editing ? form : null}
      <Problems of={problems.filter((one) => !editing || !FIELDS.has(one.path[2]))} />
    </li>
  );
}
