/** What would have been, had the document been this one: by alert, with its picture. */
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { Button, ErrorState, TimeText } from "@/ui/basics";
import { Picture } from "@/ui/picture";
import { type Added, type Fate, over, type Result, SPANS, type Tried } from "./trial";

interface Props {
  tried: Tried;
  /** Whether the document was changed since it was tried. */
  old: boolean;
  disabled: boolean;
  run: (days: number) => void;
  /** Whose clock times are told by; null: the analyst's. */
  site: string | null;
  pictureOf: (camera: string) => string | null;
}

const MOST_SHOWN = 12;

export function TrialPanel({ tried, old, disabled, run, site, pictureOf }: Props) {
  const { t } = useTranslation("rules");
  const [days, setDays] = useState<number>(7);
  const { trial, error } = tried;
  const busy = trial !== null && !over(trial);
  return (
    <section className="panel rules-trial" aria-labelledby="rules-trial">
      <div className="rules-row">
        <h2 id="rules-trial">{t("trial.title")}</h2>
        <label className="rules-row">
          <span className="quiet">{t("trial.span")}</span>
          <select
            className="input"
            value={days}
            onChange={(event) => setDays(Number(event.target.value))}
          >
            {SPANS.map((one) => (
              <option key={one} value={one}>
                {t("trial.days", { count: one })}
              </option>
            ))}
          </select>
        </label>
        <Button kind="main" disabled={disabled || busy} onClick={() => run(days)}>
          {t("trial.run")}
        </Button>
      </div>
      {error ? <ErrorState error={error} /> : null}
      <div role="status">
        {busy && trial ? (
          <p>
            {t("trial.running")} <span className="quiet">{trial.step}</span>{" "}
            {trial.total ? (
              <progress value={trial.done} max={trial.total} aria-label={t("trial.running")} />
            ) : null}
          </p>
        ) : null}
        {trial && over(trial) && trial.state !== "done" ? (
          <p className="refusal">{t("trial.failed", { error: trial.error ?? trial.state })}</p>
        ) : null}
      </div>
      {trial?.result ? (
        <>
          {old ? <p className="rules-warn">{t("trial.old")}</p> : null}
          <Told result={trial.result} site={site} pictureOf={pictureOf} />
        </>
      ) : busy ? null : (
        <p className="quiet">{t("trial.hint")}</p>
      )}
    </section>
  );
}

interface ToldProps {
  result: Result;
  site: string | null;
  pictureOf: (camera: string) => string | null;
}

function Told({ result, site, pictureOf }: ToldProps) {
  const { t } = useTranslation("rules");
  const figures = [
    ["alerts", result.before.alerts, result.after.alerts],
    ["told", result.before.told, result.after.told],
    ["notifications", result.before.notifications, result.after.notifications],
  ] as const;
  const fates = [
    ["missed", result.missed],
    ["untold", result.untold],
    ["gone", result.gone],
    ["unjudged", result.unjudged],
  ] as const;
  return (
    <>
      <p>
        <TimeText at={result.since} site={site} /> – <TimeText at={result.until} site={site} />
        {": "}
        {t("trial.events", { count: result.events, tracks: result.tried_on_tracks })}
      </p>
      <dl className="rules-figures">
        {figures.map(([name, before, after]) => (
          <div key={name}>
            <dt>{t(`trial.figure.${name}`)}</dt>
            <dd className="number">
              <span className="hidden-text">{t("trial.before")}</span> {before}
              <span aria-hidden="true"> → </span>
              <span className="hidden-text">{t("trial.after")}</span> <strong>{after}</strong>
            </dd>
          </div>
        ))}
      </dl>
      {fates.map(([name, list]) => (
        <Listed key={name} name={name} count={list.length}>
          {list.slice(0, MOST_SHOWN).map((one) => (
            <FateCard key={one.alert_id} fate={one} />
          ))}
        </Listed>
      ))}
      <Listed name="added" count={result.added.length}>
        {result.added.slice(0, MOST_SHOWN).map((one) => (
          <AddedCard key={`${one.track_id} ${one.at}`} added={one} url={pictureOf(one.camera)} />
        ))}
      </Listed>
      {result.notes.length ? (
        <ul className="quiet">
          {result.notes.map((note) => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      ) : null}
    </>
  );
}

function Listed({ name, count, children }: { name: string; count: number; children: ReactNode }) {
  const { t } = useTranslation("rules");
  return (
    <section data-list={name} aria-label={t(`trial.list.${name}`)}>
      <h3>
        {t(`trial.list.${name}`)}: <span className="number">{count}</span>
      </h3>
      {count ? <ul className="rules-cards">{children}</ul> : null}
      {count > MOST_SHOWN ? (
        <p className="quiet">{t("trial.more", { count: count - MOST_SHOWN })}</p>
      ) : null}
    </section>
  );
}

function FateCard({ fate }: { fate: Fate }) {
  const { t } = useTranslation("rules");
  const what = `${fate.label ?? fate.type}, ${fate.camera}`;
  return (
    <li className="rules-card">
      <Link to={`/alerts/${encodeURIComponent(fate.alert_id)}`}>
        <Picture url={`/v1/alerts/${encodeURIComponent(fate.alert_id)}/snapshot`} what={what} />
        <span>{what}</span>
      </Link>
      <TimeText at={fate.opened_at} site={fate.site} />
      <span className="quiet">
        {fate.zone}
        {fate.reason ? ` · ${t(`trial.reason.${fate.reason}`, { defaultValue: fate.reason })}` : ""}
        {fate.before ? "" : ` · ${t("trial.already")}`}
      </span>
    </li>
  );
}

function AddedCard({ added, url }: { added: Added; url: string | null }) {
  const { t } = useTranslation("rules");
  const what = `${added.label ?? added.type}, ${added.camera}`;
  return (
    <li className="rules-card">
      <Picture url={url} what={t("trial.place", { what })} boxes={added.box ? [added.box] : []} />
      <span>{what}</span>
      <TimeText at={added.at} site={added.site} />
      <span className="quiet">{added.zone}</span>
    </li>
  );
}
