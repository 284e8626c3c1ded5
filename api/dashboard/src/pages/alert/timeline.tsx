/** What else the camera saw around it. */
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { all } from "@/api/client";
import { useSiteZone } from "@/api/queries";
import type { AlertView, EventView } from "@/api/types";
import { moment } from "@/lib/time";
import { sentence, words } from "@/lib/words";
import { around, position, ticks } from "@/pages/alert/around";
import { ErrorState, useClock } from "@/ui/basics";

const MOST = 500;

interface Props {
  alert: AlertView;
  now: number;
  eventId: string | null;
  pick: (eventId: string) => void;
}

export function CameraTimeline({ alert, now, eventId, pick }: Props) {
  const { t } = useTranslation("alert");
  const { zone, language } = useClock();
  const siteZone = useSiteZone(alert.site_id) ?? zone;
  const minute = Math.floor(now / 60_000) * 60_000;
  const stretch = useMemo(
    () => around(alert.first_event, alert.last_event, minute + 60_000),
    [alert.first_event, alert.last_event, minute],
  );
  const from = new Date(stretch.from).toISOString();
  const to = new Date(stretch.to).toISOString();
  const { data, error } = useQuery({
    queryKey: ["around", alert.site_id, alert.camera_id, from, to],
    queryFn: ({ signal }) =>
      all<EventView>(
        "/v1/events",
        { site_id: alert.site_id, camera_id: alert.camera_id, since: from, until: to },
        MOST,
        signal,
      ),
    enabled: alert.camera_id !== null,
    placeholderData: (before) => before,
  });
  if (!alert.camera_id) return null;
  const own = new Set(alert.event_ids);
  return (
    <section className="panel" aria-label={t("around")}>
      <h2>{t("around")}</h2>
      {error && !data ? <ErrorState error={error} /> : null}
      <div className="around">
        {ticks(stretch).map((at) => (
          <span key={at} className="tick number" style={{ left: `${position(at, stretch)}%` }}>
            {moment(at, siteZone, language).replace(/^.*?(\d\d:\d\d):\d\d.*$/, "$1")}
          </span>
        ))}
        {data?.items.map((event) => (
          <button
            key={event.event_id}
            type="button"
            className="moment"
            data-own={event.alert_id === alert.alert_id || own.has(event.event_id)}
            data-result={event.result ?? "undecided"}
            aria-pressed={event.event_id === eventId}
            style={{ left: `${position(Date.parse(event.occurred_at), stretch)}%` }}
            title={`${nameOf(event)}, ${moment(Date.parse(event.occurred_at), siteZone, language)}`}
            aria-label={`${nameOf(event)}, ${moment(Date.parse(event.occurred_at), siteZone, language)}`}
            onClick={() => pick(event.event_id)}
          />
        ))}
      </div>
      <p className="quiet">
        {t("aroundCount", { count: data?.items.length ?? 0 })}
        {data && !data.complete ? ` ${t("aroundMore")}` : null}
      </p>
    </section>
  );
}

function nameOf(event: EventView): string {
  const what = words(event.event_type);
  return sentence(event.label ? `${event.label}: ${what}` : what);
}
