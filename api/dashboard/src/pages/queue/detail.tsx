/** The picked alert beside the queue. */
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { ActionBar, type Actions } from "@/alerts/actions";
import { AlertPicture, Facts, Lookers, Reasons } from "@/alerts/parts";
import type { AlertView } from "@/api/types";
import { place, title } from "@/lib/alert";
import { Severity } from "@/ui/basics";

export function Detail({ alert, actions }: { alert: AlertView; actions: Actions }) {
  const { t } = useTranslation("queue");
  return (
    <section className="queue-detail live" aria-label={t("detail")} data-severity={alert.severity}>
      <div className="queue-detail-head">
        <h2>{title(alert)}</h2>
        <Severity value={alert.severity} />
      </div>
      <p className="quiet">{place(alert)}</p>
      <Lookers alertId={alert.alert_id} />
      <AlertPicture alert={alert} />
      <ActionBar actions={actions} />
      <Reasons alert={alert} />
      <Facts alert={alert} />
      <Link className="button" to={`/alerts/${encodeURIComponent(alert.alert_id)}`}>
        {t("open")}
        <span className="kbd" aria-hidden="true">
          ↵
        </span>
      </Link>
    </section>
  );
}
