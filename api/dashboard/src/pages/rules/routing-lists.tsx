/** What stands beside the route tree: receivers, silences, inhibitions, escalations. */
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { TimeText } from "@/ui/basics";
import { type DocumentProblem, type RoutingDocument, under } from "./document";
import { Problems } from "./fields";

interface Props {
  document: RoutingDocument;
  problems: readonly DocumentProblem[];
}

const code = (matchers: readonly string[] | undefined) => <code>{(matchers ?? []).join(" ")}</code>;

export function Beside({ document, problems }: Props) {
  const { t } = useTranslation("rules");
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
      <List name="silences" problems={problems}>
        {(document.silences ?? []).map((one) => (
          <li key={one.silence_id}>
            <strong>{one.silence_id}</strong> {code(one.matchers)}{" "}
            <TimeText at={one.starts_at} site={null} /> – <TimeText at={one.ends_at} site={null} />{" "}
            <span className="quiet">
              {one.created_by} {one.comment}
            </span>
          </li>
        ))}
      </List>
      <List name="inhibit" problems={problems}>
        {(document.inhibit ?? []).map((one) => (
          <li key={JSON.stringify(one)}>
            {code(one.source)} {t("beside.quiets")} {code(one.target)}
            {one.equal?.length ? ` ${t("beside.equal", { labels: one.equal.join(", ") })}` : ""}
          </li>
        ))}
      </List>
      <List name="escalations" problems={problems}>
        {(document.escalations ?? []).map((one) => (
          <li key={JSON.stringify(one)}>
            {one.matchers?.length ? code(one.matchers) : t("routes.every")}
            {": "}
            {one.steps.map((step) => `${step.after} → ${step.receiver}`).join(", ")}
          </li>
        ))}
      </List>
    </div>
  );
}

interface ListProps {
  name: "receivers" | "silences" | "inhibit" | "escalations";
  problems: readonly DocumentProblem[];
  children: ReactNode[];
}

function List({ name, problems, children }: ListProps) {
  const { t } = useTranslation("rules");
  return (
    <section className="panel" aria-label={t(`beside.${name}`)}>
      <h2>{t(`beside.${name}`)}</h2>
      {children.length ? <ul>{children}</ul> : <p className="quiet">{t("beside.none")}</p>}
      <Problems of={under(problems, name)} />
    </section>
  );
}
