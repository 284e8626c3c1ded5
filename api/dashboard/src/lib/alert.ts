/** What an alert is called. Pure. */
import type { AlertView } from "@/api/types";
import { sentence, words } from "@/lib/words";

/** Person: line crossing */
export function title(alert: AlertView): string {
  const what = words(alert.event_type);
  return sentence(alert.label ? `${alert.label}: ${what}` : what);
}

/** North · Gate · yard */
export function place(alert: AlertView): string {
  const where = alert.camera_name ?? alert.camera_id ?? alert.device_name ?? alert.device_id;
  return [alert.site_name ?? alert.site_id, where, alert.zone_id].filter(Boolean).join(" · ");
}
