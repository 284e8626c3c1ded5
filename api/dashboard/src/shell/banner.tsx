/** Whether what is shown is late or blind. */
import { useTranslation } from "react-i18next";
import { span } from "@/lib/time";
import { sentence } from "@/lib/words";
import { type Verdict, verdict } from "@/shell/verdict";
import { useNow, useStream } from "@/stream/context";

const MOST = 4;
const RELOADED_MS = 20_000;

function useVerdict(): Verdict {
  const connection = useStream((state) => state.connection);
  const pipeline = useStream((state) => state.pipeline);
  const history = useStream((state) => state.queue.history);
  const reloadedAt = useStream((state) => state.reloadedAt);
  useNow(1000);
  const reloaded = reloadedAt !== null && Date.now() - reloadedAt < RELOADED_MS;
  return verdict(connection, pipeline, history, reloaded);
}

export function Banner() {
  const { t } = useTranslation();
  const { kind, title, reasons, history } = useVerdict();
  const lostSince = useStream((state) => state.lostSince);
  const lines = [...reasons.map(sentence), ...(history ? [] : [t("banner.history")])];
  const shown = lines.slice(0, MOST);
  return (
    <div
      role="alert"
      className={kind === "ok" ? "hidden-text" : "banner"}
      data-state={kind}
      id="banner"
    >
      {title ? (
        <>
          <strong>{t(`banner.${title}`, { ago: span(Date.now() - lostSince) })}</strong>
          <ul>
            {shown.map((line) => (
              <li key={line}>{line}</li>
            ))}
            {lines.length > MOST ? (
              <li>{t("banner.more", { count: lines.length - MOST })}</li>
            ) : null}
          </ul>
        </>
      ) : null}
    </div>
  );
}
