/** The same as the lanes, as a list. */
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { span } from "@/lib/time";
import { words } from "@/lib/words";
import { Button, Severity, TimeText } from "@/ui/basics";
import type { Item } from "./items";

const FIRST = 100;

interface ListProps {
  items: readonly Item[];
  picked: string | null;
  pick: (item: Item) => void;
  point: (id: string | null) => void;
}

export function List({ items, picked, pick, point }: ListProps) {
  const { t } = useTranslation("timeline");
  const [all, setAll] = useState(false);
  const at = items.findIndex((item) => item.id === picked);
  // What is walked to is shown, wherever it is.
  const shown = all || at >= FIRST ? items : items.slice(0, FIRST);
  const body = useRef<HTMLTableSectionElement>(null);
  useEffect(() => {
    body.current?.querySelector("[data-picked]")?.scrollIntoView({ block: "nearest" });
  }, [picked]);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section className="table-wrap timeline-list" aria-label={t("list")} tabIndex={0}>
      <table className="table">
        <thead>
          <tr>
            <th scope="col">{t("column.when")}</th>
            <th scope="col">{t("column.what")}</th>
            <th scope="col">{t("column.where")}</th>
            <th scope="col">{t("column.lasted")}</th>
          </tr>
        </thead>
        <tbody ref={body}>
          {shown.map((item) => (
            <tr key={item.id} data-picked={item.id === picked ? "" : undefined}>
              <td>
                {item.from === null ? (
                  t("before")
                ) : (
                  <TimeText at={new Date(item.from).toISOString()} site={item.site} />
                )}
              </td>
              <td>
                <button
                  type="button"
                  className="as-text"
                  aria-pressed={item.id === picked}
                  onClick={() => pick(item)}
                  onFocus={() => point(item.id)}
                  onBlur={() => point(null)}
                >
                  {item.condition ? t(`condition.${item.condition}`) : words(item.type)}
                </button>{" "}
                {item.kind === "alert" && item.severity ? (
                  <Severity value={item.severity} />
                ) : (
                  <span className="tag">{t(`kind.${item.kind}`)}</span>
                )}
              </td>
              <td>{[item.lane, item.zone].filter(Boolean).join(" · ")}</td>
              <td className="number">{lasted(item, t("goesOn"))}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {shown.length < items.length ? (
        <p className="state">
          <Button onClick={() => setAll(true)}>{t("all", { count: items.length })}</Button>
        </p>
      ) : null}
    </section>
  );
}

function lasted(item: Item, goesOn: string): string {
  if (item.to === null) return goesOn;
  if (item.from === null || item.kind === "event") return "";
  return span(item.to - item.from);
}
