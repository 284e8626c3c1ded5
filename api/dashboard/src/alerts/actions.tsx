/** What an analyst does to alerts, by key and by button: the same on the queue and on an alert. */
import { type FormEvent, type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { useCommands } from "@/api/commands";
import { useSession } from "@/api/session";
import { type AlertView, RESOLUTIONS, type Resolution } from "@/api/types";
import { place, title } from "@/lib/alert";
import { Button } from "@/ui/basics";
import { Dialog } from "@/ui/dialog";

export type Act = "ack" | "snooze" | "escalate" | "resolve" | "merge" | "assign" | "comment";

const SNOOZES = ["15m", "30m", "1h", "4h", "12h"] as const;
const LISTED = 8;

export interface Actions {
  start: (act: Act) => void;
  /** By key, for useKeys. */
  keys: Record<string, () => void>;
  /** To be shown where the page wants it; null while nothing is asked. */
  dialog: ReactNode;
  /** Whether anything may be done, to anything. */
  able: boolean;
}

interface Given {
  /** Whom it is for, in order. */
  targets: readonly AlertView[];
  /** The one that leads what is merged; null: nothing to merge. */
  lead: AlertView | null;
  /** After something was given: the marks are cleared. */
  done?: () => void;
}

/** Several alerts are never changed by one key: they are listed, and confirmed by their number. */
export function useActions({ targets, lead, done }: Given): Actions {
  const { give, undo } = useCommands();
  const { may, me } = useSession();
  const [asked, setAsked] = useState<Act | null>(null);
  const able = may("alerts:act") && targets.length > 0;
  const ids = targets.map((one) => one.alert_id);

  const finish = (send: () => void) => {
    send();
    setAsked(null);
    done?.();
  };
  const start = (act: Act) => {
    if (!able) return;
    const atOnce = (act === "ack" || act === "escalate") && targets.length === 1;
    if (atOnce) finish(() => give(ids, { kind: act }));
    else setAsked(act);
  };
  const keys = {
    a: () => start("ack"),
    s: () => start("snooze"),
    e: () => start("escalate"),
    r: () => start("resolve"),
    m: () => start("merge"),
    t: () => start("assign"),
    c: () => start("comment"),
    u: () => void undo(),
  };
  const close = () => setAsked(null);
  const dialog = !asked ? null : asked === "ack" || asked === "escalate" ? (
    <Confirm
      act={asked}
      targets={targets}
      close={close}
      yes={() => finish(() => give(ids, { kind: asked }))}
    />
  ) : asked === "snooze" ? (
    <Choose
      act="snooze"
      targets={targets}
      close={close}
      choices={SNOOZES}
      pick={(time) => finish(() => give(ids, { kind: "snooze", for: time }))}
    />
  ) : asked === "resolve" ? (
    <Choose
      act="resolve"
      targets={targets}
      close={close}
      choices={RESOLUTIONS}
      note
      pick={(reason, text) =>
        finish(() =>
          give(ids, {
            kind: "resolve",
            reason: reason as Resolution,
            ...(text ? { text } : {}),
          }),
        )
      }
    />
  ) : asked === "merge" ? (
    <Merge
      targets={targets}
      lead={lead}
      close={close}
      yes={(leader, others) => finish(() => give([leader], { kind: "merge", alert_ids: others }))}
    />
  ) : asked === "assign" ? (
    <Text
      act="assign"
      targets={targets}
      close={close}
      first={me.name}
      save={(to) => finish(() => give(ids, { kind: "assign", to }))}
    />
  ) : (
    <Text
      act="comment"
      targets={targets}
      close={close}
      long
      save={(text) => finish(() => give(ids, { kind: "comment", text }))}
    />
  );
  return { start, keys, dialog, able };
}

function Listed({ targets }: { targets: readonly AlertView[] }) {
  const { t } = useTranslation("alert");
  return (
    <ul className="listed">
      {targets.slice(0, LISTED).map((one) => (
        <li key={one.alert_id}>
          <b className="number">{one.rank}</b> {title(one)}{" "}
          <span className="quiet">{place(one)}</span>
        </li>
      ))}
      {targets.length > LISTED ? (
        <li className="quiet">{t("more", { count: targets.length - LISTED })}</li>
      ) : null}
    </ul>
  );
}

interface AskProps {
  act: Act;
  targets: readonly AlertView[];
  close: () => void;
}

function Confirm({ act, targets, close, yes }: AskProps & { yes: () => void }) {
  const { t } = useTranslation("alert");
  const text = t(`do.${act}`, { count: targets.length });
  return (
    <Dialog title={text} close={close}>
      <Listed targets={targets} />
      <div className="dialog-foot">
        <Button onClick={close}>{t("shell:cancel")}</Button>
        <Button kind="main" onClick={yes}>
          {text}
        </Button>
      </div>
    </Dialog>
  );
}

interface ChooseProps extends AskProps {
  choices: readonly string[];
  note?: boolean;
  pick: (choice: string, text: string) => void;
}

/** A few choices, each by its number. */
function Choose({ act, targets, close, choices, note = false, pick }: ChooseProps) {
  const { t } = useTranslation("alert");
  const [text, setText] = useState("");
  return (
    <Dialog title={t(`do.${act}`, { count: targets.length })} close={close}>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the digits are the buttons' own keys */}
      <div
        className="choices"
        onKeyDown={(event) => {
          const chosen = choices[Number(event.key) - 1];
          if (!chosen || event.ctrlKey || event.metaKey || event.altKey) return;
          event.preventDefault();
          pick(chosen, text.trim());
        }}
      >
        {targets.length > 1 ? <Listed targets={targets} /> : null}
        <div className="choice-list">
          {choices.map((choice, at) => (
            <Button key={choice} hint={String(at + 1)} onClick={() => pick(choice, text.trim())}>
              {t(`${act}.${choice}`)}
            </Button>
          ))}
        </div>
      </div>
      {note ? (
        <label className="field">
          <span>{t("note")}</span>
          <input
            className="input"
            maxLength={2000}
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
        </label>
      ) : null}
    </Dialog>
  );
}

interface TextProps extends AskProps {
  first?: string;
  long?: boolean;
  save: (text: string) => void;
}

function Text({ act, targets, close, first = "", long = false, save }: TextProps) {
  const { t } = useTranslation("alert");
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const text = new FormData(event.currentTarget).get("text");
    if (typeof text === "string" && text.trim()) save(text.trim());
  };
  const label = t(`do.${act}`, { count: targets.length });
  return (
    <Dialog title={label} close={close}>
      <form className="dialog-form" onSubmit={submit}>
        {targets.length > 1 ? <Listed targets={targets} /> : null}
        {/* biome-ignore lint/a11y/noLabelWithoutControl: it is one of the two */}
        <label className="field">
          <span>{t(`${act}.label`)}</span>
          {long ? (
            <textarea className="input" name="text" rows={4} maxLength={2000} required />
          ) : (
            <input className="input" name="text" maxLength={200} defaultValue={first} required />
          )}
        </label>
        <div className="dialog-foot">
          <Button onClick={close}>{t("shell:cancel")}</Button>
          <Button kind="main" type="submit">
            {label}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

interface MergeProps {
  targets: readonly AlertView[];
  lead: AlertView | null;
  close: () => void;
  yes: (leader: string, others: string[]) => void;
}

/** The marked ones under the one that leads; only of one site. */
function Merge({ targets, lead, close, yes }: MergeProps) {
  const { t } = useTranslation("alert");
  const leader = lead ?? targets[0] ?? null;
  const others = targets.filter((one) => one.alert_id !== leader?.alert_id);
  const strange = others.some((one) => one.site_id !== leader?.site_id);
  return (
    <Dialog title={t("do.merge", { count: others.length })} close={close}>
      {!leader || !others.length ? (
        <p>{t("merge.mark")}</p>
      ) : strange ? (
        <p>{t("merge.sites")}</p>
      ) : (
        <>
          <p>
            {t("merge.under")} <b>{title(leader)}</b> <span className="quiet">{place(leader)}</span>
          </p>
          <Listed targets={others} />
        </>
      )}
      <div className="dialog-foot">
        <Button onClick={close}>{t("shell:cancel")}</Button>
        {leader && others.length && !strange ? (
          <Button
            kind="main"
            onClick={() =>
              yes(
                leader.alert_id,
                others.map((one) => one.alert_id),
              )
            }
          >
            {t("do.merge", { count: others.length })}
          </Button>
        ) : null}
      </div>
    </Dialog>
  );
}

/** The same by mouse. */
export function ActionBar({ actions }: { actions: Actions }) {
  const { t } = useTranslation("alert");
  const all: [Act, string][] = [
    ["ack", "a"],
    ["snooze", "s"],
    ["escalate", "e"],
    ["resolve", "r"],
    ["merge", "m"],
    ["assign", "t"],
    ["comment", "c"],
  ];
  return (
    <div className="action-bar" role="toolbar" aria-label={t("actions")}>
      {all.map(([act, key]) => (
        <Button
          key={act}
          hint={key}
          kind={act === "ack" ? "main" : "plain"}
          disabled={!actions.able}
          onClick={() => actions.start(act)}
        >
          {t(`act.${act}`)}
        </Button>
      ))}
    </div>
  );
}
