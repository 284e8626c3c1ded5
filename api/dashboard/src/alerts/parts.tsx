/** What is told of one alert, on the queue and on its own page. */
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { ask } from "@/api/client";
import { useZones } from "@/api/queries";
import type { AlertView, SnapshotView } from "@/api/types";
import { title } from "@/lib/alert";
import { words } from "@/lib/words";
import { useLooking, usePresence } from "@/stream/context";
import { TimeText } from "@/ui/basics";
import { Picture } from "@/ui/picture";

/** An event's pictures in order of time; those after it follow. */
export function useSnapshots(siteId: string, eventId: string | null) {
  return useQuery({
    queryKey: ["snapshots", siteId, eventId],
    queryFn: ({ signal }) =>
      ask<SnapshotView[]>(`/v1/events/${encodeURIComponent(eventId ?? "")}/snapshots`, {
        query: { site_id: siteId },
        signal,
      }),
    enabled: eventId !== null,
    // Seven are all; until then they are asked for again.
    refetchInterval: ({ state }) => ((state.data?.length ?? 0) < 7 ? 5_000 : false),
  });
}

/** The zone of an alert on its camera's picture. */
export function useOutlines(alert: AlertView): readonly (readonly [number, number])[][] {
  const zones = useZones(alert.site_id);
  const zone = zones.find((one) => one.zone_id === alert.zone_id);
  const outline = alert.camera_id ? zone?.polygons[alert.camera_id] : undefined;
  return outline ? [outline] : [];
}

/** The best picture, with the object and the zone. */
export function AlertPicture({ alert }: { alert: AlertView }) {
  const { data } = useSnapshots(alert.site_id, alert.snapshot);
  const outlines = useOutlines(alert);
  const best = data?.find((one) => one.position === 0);
  const fits = alert.box && alert.snapshot === alert.event_ids.at(-1) ? alert.box : null;
  const box = best?.box ?? fits;
  return (
    <Picture
      url={alert.snapshot ? `/v1/events/${encodeURIComponent(alert.snapshot)}/snapshots/0` : null}
      what={title(alert)}
      boxes={box ? [box] : []}
      zones={outlines}
    />
  );
}

/** Why it is ranked so: the parts add up to the rank. */
export function Reasons({ alert }: { alert: AlertView }) {
  const { t } = useTranslation("alert");
  return (
    <table className="reasons">
      <caption>{t("why")}</caption>
      <tbody>
        {alert.reasons.map((part) => (
          <tr key={part.name}>
            <td className="number">{part.points > 0 ? `+${part.points}` : part.points}</td>
            <td>
              {part.reason} <span className="quiet">({words(part.name)})</span>
            </td>
          </tr>
        ))}
      </tbody>
      <tfoot>
        <tr>
          <td className="number">{alert.rank}</td>
          <th scope="row">{t("rank")}</th>
        </tr>
      </tfoot>
    </table>
  );
}

export function Facts({ alert }: { alert: AlertView }) {
  const { t } = useTranslation("alert");
  const site = alert.site_id;
  return (
    <dl className="facts">
      <dt>{t("fact.opened")}</dt>
      <dd>
        <TimeText at={alert.opened_at} site={site} />
      </dd>
      <dt>{t("fact.first")}</dt>
      <dd>
        <TimeText at={alert.first_event} site={site} />
      </dd>
      <dt>{t("fact.last")}</dt>
      <dd>
        <TimeText at={alert.last_event} site={site} />
      </dd>
      <dt>{t("fact.events")}</dt>
      <dd>{t("events", { events: alert.events, repeats: alert.repeats })}</dd>
      <dt>{t("fact.confidence")}</dt>
      <dd>{alert.confidence === null ? "–" : alert.confidence.toFixed(2)}</dd>
      <dt>{t("fact.assigned")}</dt>
      <dd>{alert.assigned_to ?? t("nobody")}</dd>
      <dt>{t("fact.acknowledged")}</dt>
      <dd>
        {alert.acknowledged_by ? (
          <>
            {alert.acknowledged_by}, <TimeText at={alert.acknowledged_at} site={site} />
          </>
        ) : (
          t("nobody")
        )}
      </dd>
    </dl>
  );
}

/** Who else looks at it; and tells the others that it is looked at here. */
export function Lookers({ alertId }: { alertId: string }) {
  const { t } = useTranslation("alert");
  useLooking(alertId);
  const names = usePresence(alertId);
  return (
    <p className="lookers" role="status">
      {names.length ? t("looking", { count: names.length, names: names.join(", ") }) : null}
    </p>
  );
}
