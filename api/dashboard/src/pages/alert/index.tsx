/** One alert: what was seen, why it counts, what was done about it. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate, useParams } from "react-router";
import { ActionBar, useActions } from "@/alerts/actions";
import { Facts, Lookers, Reasons } from "@/alerts/parts";
import { ApiError, ask } from "@/api/client";
import { useCommands } from "@/api/commands";
import type { AlertView } from "@/api/types";
import { place, title } from "@/lib/alert";
import { running } from "@/lib/time";
import { History, Similar } from "@/pages/alert/history";
import { Pictures } from "@/pages/alert/pictures";
import { Procedure } from "@/pages/alert/procedure";
import { CameraTimeline } from "@/pages/alert/timeline";
import { useLiveAlert, useNow } from "@/stream/context";
import { Button, EmptyState, ErrorState, Loading, Page, Severity } from "@/ui/basics";
import { useKeys } from "@/ui/keys";
import "@/alerts/alerts.css";
import "@/pages/alert/alert.css";

export default function AlertPage() {
  const { t } = useTranslation("alert");
  const { alertId = "" } = useParams();
  const live = useLiveAlert(alertId);
  const { data, error, refetch } = useQuery({
    queryKey: ["alert", alertId],
    queryFn: ({ signal }) =>
      ask<AlertView>(`/v1/alerts/${encodeURIComponent(alertId)}`, { signal }),
    retry: false,
  });
  // The stream's word and the answer may be of different ages: the newer one counts.
  const alert = live && (!data || live.revision >= data.revision) ? live : data;
  if (alert) return <Shown key={alertId} alert={alert} />;
  if (error instanceof ApiError && error.status === 404) {
    return <EmptyState title={t("gone")} />;
  }
  return error ? <ErrorState error={error} again={() => void refetch()} /> : <Loading />;
}

function Shown({ alert }: { alert: AlertView }) {
  const { t } = useTranslation("alert");
  const navigate = useNavigate();
  const now = useNow(1000);
  const { pending } = useCommands();
  const actions = useActions({ targets: [alert], lead: alert });
  const [eventId, setEventId] = useState<string | null>(null);
  const shown = eventId ?? alert.snapshot ?? alert.event_ids.at(-1) ?? null;
  useKeys({ ...actions.keys, Escape: () => void navigate("/") });
  const doing = pending.get(alert.alert_id);
  const open = alert.state === "open";
  const until = alert.acknowledged_at ? Date.parse(alert.acknowledged_at) : now;
  return (
    <Page
      title={title(alert)}
      actions={
        <>
          <Severity value={alert.severity} />
          <span className="tag">
            {alert.resolution
              ? t(`resolve.${alert.resolution}`, alert.resolution)
              : t(`states.${alert.state}`)}
          </span>
          {doing ? <span className="tag strong">{t(`queue:pending.${doing}`)}</span> : null}
          <span className="quiet">{place(alert)}</span>
          <div className="spring" />
          <span className={open ? "number" : "number quiet"}>
            {t("queue:waited")} <b>{running(until - Date.parse(alert.opened_at))}</b>
          </span>
          <Button onClick={() => void navigate("/")} hint="Esc">
            {t("back")}
          </Button>
        </>
      }
    >
      <div className="alert-page live" data-severity={alert.severity}>
        <div className="alert-main">
          <Lookers alertId={alert.alert_id} />
          <Pictures alert={alert} eventId={shown} />
          <ActionBar actions={actions} />
          <CameraTimeline alert={alert} now={now} eventId={shown} pick={setEventId} />
          <History alert={alert} />
        </div>
        <div className="alert-side">
          <Procedure alert={alert} />
          <section className="panel" aria-label={t("why")}>
            <Reasons alert={alert} />
          </section>
          <section className="panel" aria-label={t("facts")}>
            <h2>{t("facts")}</h2>
            <Facts alert={alert} />
            <p className="quiet alert-id">{alert.alert_id}</p>
          </section>
          <Similar alert={alert} />
        </div>
      </div>
      {actions.dialog}
    </Page>
  );
}
