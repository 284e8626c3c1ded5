/** Who did what, and comments. */
import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { ask } from "@/api/client";
import type { ActivityView, AlertView, Paged } from "@/api/types";
import { place, title } from "@/lib/alert";
import { useNews } from "@/stream/context";
import { Button, ErrorState, Severity, TimeText } from "@/ui/basics";

export function History({ alert }: { alert: AlertView }) {
  const { t } = useTranslation("alert");
  const client = useQueryClient();
  const key = ["activity", alert.alert_id];
  const { data, error, hasNextPage, fetchNextPage, isFetchingNextPage, refetch } = useInfiniteQuery(
    {
      queryKey: key,
      queryFn: ({ pageParam, signal }) =>
        ask<Paged<ActivityView>>(`/v1/alerts/${encodeURIComponent(alert.alert_id)}/activity`, {
          query: { limit: 200, cursor: pageParam },
          signal,
        }),
      initialPageParam: null as string | null,
      getNextPageParam: (page) => page.next,
    },
  );
  // Archive is a moment behind the stream: it is asked at once, and a little later again.
  useEffect(() => {
    void client.invalidateQueries({ queryKey: key });
    const timer = setTimeout(() => void client.invalidateQueries({ queryKey: key }), 2_500);
    return () => clearTimeout(timer);
  }, [alert.revision]);
  useNews(({ activity }) => {
    if (activity.some((one) => one.alert_id === alert.alert_id)) {
      void client.invalidateQueries({ queryKey: key });
    }
  });
  const entries = data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <section className="panel" aria-label={t("history")}>
      <h2>{t("history")}</h2>
      {error && !data ? <ErrorState error={error} again={() => void refetch()} /> : null}
      <ol className="history">
        {entries.map((entry) => (
          <li key={entry.activity_id} data-kind={entry.kind}>
            <TimeText at={entry.at} site={entry.site_id} />
            <span>
              <b>{entry.actor}</b> {t(`kind.${entry.kind}`, entry.kind)}
              {entry.detail ? <span className="detail">{entry.detail}</span> : null}
            </span>
          </li>
        ))}
      </ol>
      {hasNextPage ? (
        <Button disabled={isFetchingNextPage} onClick={() => void fetchNextPage()}>
          {t("older")}
        </Button>
      ) : null}
    </section>
  );
}

const SIMILAR = 12;

/** The same at the same place lately: how it was judged is how this one may be. */
export function Similar({ alert }: { alert: AlertView }) {
  const { t } = useTranslation("alert");
  const { data, error } = useQuery({
    queryKey: ["similar", alert.site_id, alert.event_type, alert.camera_id, alert.zone_id],
    queryFn: ({ signal }) =>
      ask<Paged<AlertView>>("/v1/alerts", {
        query: {
          site_id: alert.site_id,
          type: alert.event_type,
          camera_id: alert.camera_id,
          zone_id: alert.zone_id,
          device_id: alert.camera_id ? null : alert.device_id,
          sort: "newest",
          limit: SIMILAR + 1,
        },
        signal,
      }),
    staleTime: 30_000,
  });
  const found = (data?.items ?? [])
    .filter((one) => one.alert_id !== alert.alert_id)
    .slice(0, SIMILAR);
  return (
    <section className="panel" aria-label={t("similar")}>
      <h2>{t("similar")}</h2>
      {error && !data ? <ErrorState error={error} /> : null}
      {data && !found.length ? <p className="quiet">{t("noSimilar")}</p> : null}
      <ul className="similar">
        {found.map((one) => (
          <li key={one.alert_id}>
            <TimeText at={one.opened_at} site={one.site_id} />
            <Link to={`/alerts/${encodeURIComponent(one.alert_id)}`} title={place(one)}>
              {title(one)}
            </Link>
            <Severity value={one.severity} />
            <span className="quiet">
              {one.resolution
                ? t(`resolve.${one.resolution}`, one.resolution)
                : t(`states.${one.state}`)}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
