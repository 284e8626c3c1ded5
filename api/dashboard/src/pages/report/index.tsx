/** What a shift had to do, and how well: on the screen, as CSV, and on paper. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { type FormEvent, useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { address, ask } from "@/api/client";
import { fromField, shownTime, toField } from "@/lib/time";
import { useSite } from "@/shell/site";
import { useNow } from "@/stream/context";
import { Button, EmptyState, ErrorState, Loading, Page, TimeText, useClock } from "@/ui/basics";
import "@/ui/notes.css";
import { useShownSite, useShownZone } from "@/ui/shown-zone";
import type { ShiftReport } from "./api";
import { HoursChart } from "./chart";
import "./report.css";
import { LENGTHS_H, lately, refusal, type Shift, seconds } from "./shift";
import { Cameras, Hours, PrecisionBar, Rules, Severities } from "./tables";

export default function Report() {
  const { t } = useTranslation("report");
  const { site } = useSite();
  const now = useNow(60_000);
  const zone = useShownZone(site);
  const [shift, setShift] = useState<Shift>(() => lately(now, 8));
  const query = {
    site_id: site || null,
    from: new Date(shift.from).toISOString(),
    to: new Date(shift.to).toISOString(),
  };
  const { data, error, refetch, isFetching } = useQuery({
    queryKey: ["report", query],
    queryFn: ({ signal }) => ask<ShiftReport>("/v1/reports/shift", { query, signal }),
    placeholderData: keepPreviousData,
    refetchInterval: 60_000,
  });
  return (
    <Page
      title={t("nav")}
      actions={
        <>
          {/* What is typed is meant by one clock: by another it would be another time. */}
          <ShiftForm key={zone} zone={zone} shift={shift} now={now} pick={setShift} />
          <span className="spring" />
          <a
            className="button"
            href={address("/v1/reports/shift", { ...query, format: "csv" })}
            download
          >
            {t("csv")}
          </a>
          <Button onClick={() => print()}>{t("print")}</Button>
        </>
      }
    >
      {error && !data ? <ErrorState error={error} again={() => void refetch()} /> : null}
      {!data && !error ? <Loading /> : null}
      {error && data ? (
        <p className="note bad" role="alert">
          {t("old", { why: error.message })}
        </p>
      ) : null}
      {data ? (
        <div aria-busy={isFetching} className="report">
          <Told report={data} site={site} />
        </div>
      ) : null}
    </Page>
  );
}

interface FormProps {
  /** By whose clock the fields are. */
  zone: string;
  shift: Shift;
  now: number;
  pick: (shift: Shift) => void;
}

function ShiftForm({ zone, shift, now, pick }: FormProps) {
  const { t } = useTranslation("report");
  const about = useId();
  const [draft, setDraft] = useState<{ from: string; to: string } | null>(null);
  const from = draft?.from ?? toField(shift.from, zone);
  const to = draft?.to ?? toField(shift.to, zone);
  const wrong = refusal(fromField(from, zone), fromField(to, zone));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const [begin, end] = [fromField(from, zone), fromField(to, zone)];
    if (wrong || begin === null || end === null) return;
    setDraft(null);
    pick({ from: begin, to: end });
  };
  return (
    <form className="shift-form" onSubmit={submit}>
      <fieldset className="densities">
        <legend className="hidden-text">{t("latest")}</legend>
        {LENGTHS_H.map((hours) => (
          <Button
            key={hours}
            aria-pressed={
              shift.from === lately(now, hours).from && shift.to === lately(now, hours).to
            }
            onClick={() => {
              setDraft(null);
              pick(lately(now, hours));
            }}
          >
            {t(`lengths.h${hours}`)}
          </Button>
        ))}
      </fieldset>
      <label>
        <span>{t("from")} </span>
        <input
          className="input"
          type="datetime-local"
          value={from}
          aria-invalid={wrong !== null}
          aria-describedby={`${about}-from`}
          onChange={(event) => setDraft({ from: event.target.value, to })}
        />
      </label>
      <OwnTime id={`${about}-from`} at={fromField(from, zone)} now={now} zone={zone} />
      <label>
        <span>{t("to")} </span>
        <input
          className="input"
          type="datetime-local"
          value={to}
          aria-invalid={wrong !== null}
          aria-describedby={`${about}-to`}
          onChange={(event) => setDraft({ from, to: event.target.value })}
        />
      </label>
      <OwnTime id={`${about}-to`} at={fromField(to, zone)} now={now} zone={zone} />
      <span className="quiet">{zone}</span>
      <Button type="submit" disabled={draft === null || wrong !== null}>
        {t("show")}
      </Button>
      {wrong ? (
        <span className="refusal" role="alert">
          {t(`wrong.${wrong}`)}
        </span>
      ) : null}
    </form>
  );
}

interface OwnProps {
  id: string;
  at: number | null;
  now: number;
  zone: string;
}

/** What a field says by the analyst's clock, where that is another one. */
function OwnTime({ id, at, now, zone }: OwnProps) {
  const { t } = useTranslation();
  const { zone: own, language } = useClock();
  const shown = at === null ? null : shownTime(at, now, zone, own, language).own;
  return (
    <small id={id} className="quiet">
      {shown ? `${t("own")}: ${shown}` : null}
    </small>
  );
}

function Told({ report, site }: { report: ShiftReport; site: string }) {
  const { t } = useTranslation("report");
  const zone = useShownZone(site);
  // The chart, the table and the heading tell the time by one clock.
  const clock = useShownSite(site);
  const several = report.sites.length > 1;
  return (
    <>
      <p className="quiet">
        {several ? t("sites", { count: report.sites.length }) : report.sites.join()}
        {": "}
        <TimeText at={report.from} site={clock} />
        {" – "}
        <TimeText at={report.to} site={clock} /> · {t("made")}{" "}
        <TimeText at={report.at} site={clock} />
      </p>
      <Figures report={report} />
      {report.total.opened ? (
        <>
          <section aria-labelledby="by-hour">
            <h2 id="by-hour">{t("byHour")}</h2>
            <div className="chart-and-table">
              <HoursChart hours={report.hours} zone={zone} label={t("chart")} />
              <details open={report.hours.length <= 12}>
                <summary>{t("asTable")}</summary>
                <Hours hours={report.hours} site={clock} />
              </details>
            </div>
          </section>
          <section aria-labelledby="by-severity">
            <h2 id="by-severity">{t("bySeverity")}</h2>
            <Severities lines={report.severities} />
          </section>
          <section aria-labelledby="by-rule">
            <h2 id="by-rule">{t("byRule")}</h2>
            <Rules lines={report.rules} sites={several} />
          </section>
          <section aria-labelledby="by-camera">
            <h2 id="by-camera">{t("byCamera")}</h2>
            <Cameras lines={report.cameras} sites={several} />
          </section>
        </>
      ) : (
        <EmptyState title={t("quiet")} />
      )}
      <Channels report={report} />
    </>
  );
}

function Figure({ name, children, more }: FigureProps) {
  return (
    <div className="panel figure">
      <dt>{name}</dt>
      <dd className="number">{children}</dd>
      {more ? <dd className="quiet more">{more}</dd> : null}
    </div>
  );
}

interface FigureProps {
  name: string;
  children: React.ReactNode;
  more?: React.ReactNode;
}

function Figures({ report }: { report: ShiftReport }) {
  const { t } = useTranslation("report");
  const { total, precision } = report;
  return (
    <dl className="figures">
      <Figure name={t("opened")} more={t("stillOpen", { count: total.open })}>
        {total.opened}
      </Figure>
      <Figure
        name={t("timeToAck")}
        more={t("p90of", { p90: seconds(total.ack_p90_s), count: total.acknowledged })}
      >
        {seconds(total.ack_p50_s)}
      </Figure>
      <Figure
        name={t("timeToResolve")}
        more={t("p90of", { p90: seconds(total.resolve_p90_s), count: total.resolved })}
      >
        {seconds(total.resolve_p50_s)}
      </Figure>
      <Figure name={t("precision")} more={t("unjudgedOf", { count: precision.unjudged })}>
        <PrecisionBar line={precision} />
      </Figure>
      <Figure name={t("folded")} more={t("admitted", { count: total.events })}>
        {total.folded}
      </Figure>
      <Figure name={t("notifications")}>{report.notifications}</Figure>
    </dl>
  );
}

function Channels({ report }: { report: ShiftReport }) {
  const { t } = useTranslation("report");
  if (!report.channels.length) return null;
  return (
    <section aria-labelledby="by-channel">
      <h2 id="by-channel">{t("byChannel")}</h2>
      <div className="table-wrap">
        <table className="table">
          <thead>
            <tr>
              <th scope="col">{t("channel")}</th>
              <th scope="col">{t("delivered")}</th>
              <th scope="col">{t("failed")}</th>
            </tr>
          </thead>
          <tbody>
            {report.channels.map((line) => (
              <tr key={line.channel_kind}>
                <td>{line.channel_kind}</td>
                <td className="number">{line.delivered}</td>
                <td className="number">{line.failed}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
