/** Which cameras have open alerts. Pure. */
import type { AlertView, Severity } from "@/api/types";

/** The worst open alert of a camera, and how many there are. */
export interface Ring {
  alertId: string;
  severity: Severity;
  rank: number;
  count: number;
}

export const WORST: readonly Severity[] = ["critical", "high", "medium", "low", "info"];

export const keyOf = (one: { site_id: string; camera_id: string | null }): string =>
  `${one.site_id}/${one.camera_id ?? ""}`;

/** By camera: the worst of its alerts that are not resolved. */
export function rings(alerts: Iterable<AlertView>): Map<string, Ring> {
  const found = new Map<string, Ring>();
  for (const alert of alerts) {
    if (alert.camera_id === null || alert.state === "resolved") continue;
    const key = keyOf(alert);
    const known = found.get(key);
    const mine = { alertId: alert.alert_id, severity: alert.severity, rank: alert.rank };
    if (!known) {
      found.set(key, { ...mine, count: 1 });
      continue;
    }
    const worse =
      WORST.indexOf(mine.severity) - WORST.indexOf(known.severity) || known.rank - mine.rank;
    found.set(key, { ...(worse < 0 ? mine : known), count: known.count + 1 });
  }
  return found;
}
