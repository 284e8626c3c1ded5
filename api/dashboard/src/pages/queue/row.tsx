/** One alert of the queue. */
import type { TFunction } from "i18next";
import { memo, useEffect, useState } from "react";
import type { Command } from "@/api/commands";
import type { AlertView } from "@/api/types";
import { place, title } from "@/lib/alert";
import { running, span } from "@/lib/time";
import { snoozed } from "@/pages/queue/filter";

export const ROW_PX = 60;

interface RowProps {
  alert: AlertView;
  index: number;
  top: number;
  picked: boolean;
  marked: boolean;
  pending: Command["kind"] | undefined;
  led: number;
  now: number;
  /** One for all rows: each of its own would listen to every change of language. */
  t: TFunction;
  pick: (id: string) => void;
  mark: (id: string) => void;
  open: (id: string) => void;
}

/** How long it has waited to be acknowledged; it stands still once somebody has. */
export function waited(alert: AlertView, now: number): number {
  const until = alert.acknowledged_at ? Date.parse(alert.acknowledged_at) : now;
  return until - Date.parse(alert.opened_at);
}

type TagsProps = Pick<RowProps, "alert" | "pending" | "led" | "now" | "t">;

function Tags({ alert, pending, led, now, t }: TagsProps) {
  return (
    <span className="queue-tags">
      <span className="tag severity">{t(`shell:severity.${alert.severity}`)}</span>
      {pending ? <span className="tag strong">{t(`pending.${pending}`)}</span> : null}
      {alert.state === "acknowledged" ? (
        <span className="tag">{t("acknowledgedBy", { name: alert.acknowledged_by ?? "" })}</span>
      ) : null}
      {snoozed(alert, now) ? (
        <span className="tag">
          {t("snoozedFor", { span: span(Date.parse(alert.snoozed_until ?? "") - now) })}
        </span>
      ) : null}
      {alert.assigned_to ? <span className="tag">→ {alert.assigned_to}</span> : null}
      {alert.escalation > 0 ? (
        <span className="tag">{t("escalated", { count: alert.escalation })}</span>
      ) : null}
      {led ? <span className="tag">{t("leads", { count: led })}</span> : null}
      {alert.quiet ? <span className="tag">{t(`quiet.${alert.quiet}`, alert.quiet)}</span> : null}
    </span>
  );
}

const RETRY_MS = [1_000, 3_000, 9_000];

/** A small picture; one that is still on its way is asked for again a few times. */
function Thumb({ alert }: { alert: AlertView }) {
  const [tried, setTried] = useState({ snapshot: alert.snapshot, tries: 0, failed: false });
  const now =
    tried.snapshot === alert.snapshot
      ? tried
      : { snapshot: alert.snapshot, tries: 0, failed: false };
  const wait = now.failed ? RETRY_MS[now.tries] : undefined;
  useEffect(() => {
    if (wait === undefined) return;
    const again = { snapshot: now.snapshot, tries: now.tries + 1, failed: false };
    const timer = setTimeout(() => setTried(again), wait);
    return () => clearTimeout(timer);
  }, [wait, now.snapshot, now.tries]);
  if (!now.snapshot || now.failed) return <span className="picture" />;
  const box = boxOf(alert);
  return (
    <span className="picture">
      <img
        src={`/v1/events/${encodeURIComponent(now.snapshot)}/snapshots/0`}
        alt=""
        loading="lazy"
        decoding="async"
        onError={() => setTried({ ...now, failed: true })}
      />
      {box ? (
        <svg viewBox="0 0 1 1" preserveAspectRatio="none" aria-hidden="true">
          <rect
            className="box"
            x={box[0]}
            y={box[1]}
            width={box[2] - box[0]}
            height={box[3] - box[1]}
          />
        </svg>
      ) : null}
    </span>
  );
}

export const Row = memo(function Row(props: RowProps) {
  const { alert, index, top, picked, marked, pending, led, now, t } = props;
  const what = title(alert);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the grid has the focus, and every key
    <div
      role="row"
      id={`row-${alert.alert_id}`}
      className="queue-row"
      data-severity={alert.severity}
      data-state={alert.state}
      data-alert={alert.alert_id}
      aria-rowindex={index + 1}
      aria-selected={picked}
      style={{ transform: `translateY(${top}px)`, height: ROW_PX }}
      onClick={() => props.pick(alert.alert_id)}
      onDoubleClick={() => props.open(alert.alert_id)}
    >
      <span role="gridcell" className="queue-mark">
        <input
          type="checkbox"
          tabIndex={-1}
          checked={marked}
          aria-label={t("mark", { what })}
          onClick={(event) => event.stopPropagation()}
          onChange={() => props.mark(alert.alert_id)}
        />
      </span>
      <span role="gridcell" className="queue-rank number">
        {alert.rank}
      </span>
      <span role="gridcell" className="queue-thumb" aria-hidden="true">
        <Thumb alert={alert} />
      </span>
      <span role="gridcell" className="queue-what">
        <span className="queue-title">{what}</span>
        <span className="queue-place quiet">{place(alert)}</span>
      </span>
      <span role="gridcell">
        <Tags alert={alert} pending={pending} led={led} now={now} t={t} />
      </span>
      <span role="gridcell" className="queue-count number quiet">
        {t("times", { count: alert.events + alert.repeats })}
      </span>
      <span role="gridcell" className="queue-age number">
        {t("ago", { span: span(now - Date.parse(alert.last_event)) })}
      </span>
      <span
        role="gridcell"
        className="queue-wait number"
        data-running={alert.state === "open"}
        title={t("waited")}
      >
        {running(waited(alert, now))}
      </span>
    </div>
  );
});

/** The box is the newest event's; on an older event's picture it would point at nothing. */
function boxOf(alert: AlertView) {
  return alert.snapshot === alert.event_ids.at(-1) ? alert.box : null;
}
