/** One alert of the queue. */
import { memo } from "react";
import { useTranslation } from "react-i18next";
import type { Command } from "@/api/commands";
import type { AlertView } from "@/api/types";
import { place, title } from "@/lib/alert";
import { running, span } from "@/lib/time";
import { snoozed } from "@/pages/queue/filter";
import { Severity } from "@/ui/basics";
import { Picture } from "@/ui/picture";

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
  pick: (id: string) => void;
  mark: (id: string) => void;
  open: (id: string) => void;
}

/** How long it has waited to be acknowledged; it stands still once somebody has. */
export function waited(alert: AlertView, now: number): number {
  const until = alert.acknowledged_at ? Date.parse(alert.acknowledged_at) : now;
  return until - Date.parse(alert.opened_at);
}

function Tags({ alert, pending, led, now }: Pick<RowProps, "alert" | "pending" | "led" | "now">) {
  const { t } = useTranslation("queue");
  return (
    <span className="queue-tags">
      <Severity value={alert.severity} />
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

export const Row = memo(function Row(props: RowProps) {
  const { alert, index, top, picked, marked, pending, led, now } = props;
  const { t } = useTranslation("queue");
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
        <Picture
          url={
            alert.snapshot ? `/v1/events/${encodeURIComponent(alert.snapshot)}/snapshots/0` : null
          }
          what={what}
          boxes={boxesOf(alert)}
        />
      </span>
      <span role="gridcell" className="queue-what">
        <span className="queue-title">{what}</span>
        <span className="queue-place quiet">{place(alert)}</span>
      </span>
      <span role="gridcell">
        <Tags alert={alert} pending={pending} led={led} now={now} />
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
export function boxesOf(alert: AlertView) {
  return alert.box && alert.snapshot === alert.event_ids.at(-1) ? [alert.box] : [];
}
