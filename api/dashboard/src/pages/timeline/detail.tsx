/** The one that is pointed at or picked, with its picture. */
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { words } from "@/lib/words";
import { Severity, TimeText } from "@/ui/basics";
import { Picture } from "@/ui/picture";
import type { Item } from "./items";

export function Detail({ item }: { item: Item | null }) {
  const { t } = useTranslation("timeline");
  if (!item) {
    return (
      <aside className="panel timeline-detail" aria-label={t("detail")}>
        <p className="quiet">{t("pick")}</p>
      </aside>
    );
  }
  const name = item.condition ? t(`condition.${item.condition}`) : words(item.type);
  return (
    <aside className="panel timeline-detail" aria-label={t("detail")}>
      <h2>
        {name} {item.severity ? <Severity value={item.severity} /> : null}
      </h2>
      <p className="quiet">{[item.lane, item.zone].filter(Boolean).join(" · ")}</p>
      <p>
        {item.from === null ? (
          t("before")
        ) : (
          <TimeText at={new Date(item.from).toISOString()} site={item.site} />
        )}
        {item.kind === "event" ? null : " – "}
        {item.kind === "event" ? null : item.to === null ? (
          t("goesOn")
        ) : (
          <TimeText at={new Date(item.to).toISOString()} site={item.site} />
        )}
      </p>
      {item.detail ? <p>{words(item.detail)}</p> : null}
      {item.kind === "condition" ? null : <Picture url={item.picture} what={name} />}
      {item.alert ? (
        <Link to={`/alerts/${encodeURIComponent(item.alert)}`}>{t("toAlert")}</Link>
      ) : null}
    </aside>
  );
}
