/** What the wall shows, in which order, and how old it is. Pure. */
import type { AlertView, CameraView, Severity } from "@/api/types";

export interface NewestPicture {
  site_id: string;
  camera_id: string;
  tag: string;
  captured_at: string;
  received_at: string;
  live: boolean;
  age_s: number;
  width: number;
  height: number;
  location: string;
}

/** The worst open alert of a camera, and how many there are. */
export interface Ring {
  alertId: string;
  severity: Severity;
  rank: number;
  count: number;
}

export interface Tile {
  key: string;
  camera: CameraView;
  ring: Ring | null;
}

export const DENSITIES = ["small", "medium", "large"] as const;
export type Density = (typeof DENSITIES)[number];

/** A connected camera has a frame every 10 s; one that is older than three of those is told so. */
export const OLD_MS = 30_000;

const WORST: readonly Severity[] = ["critical", "high", "medium", "low", "info"];

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

/** The cameras that are captured, by site and id; those with alerts first where that is wanted. */
export function tiles(
  cameras: Iterable<CameraView>,
  ringed: ReadonlyMap<string, Ring>,
  site: string,
  alertsFirst: boolean,
): Tile[] {
  const found: Tile[] = [];
  for (const camera of cameras) {
    if (!camera.captured || (site && camera.site_id !== site)) continue;
    const key = keyOf(camera);
    found.push({ key, camera, ring: ringed.get(key) ?? null });
  }
  const urgency = (tile: Tile) => (tile.ring ? WORST.indexOf(tile.ring.severity) : WORST.length);
  return found.sort(
    (a, b) => (alertsFirst ? urgency(a) - urgency(b) : 0) || (a.key < b.key ? -1 : 1),
  );
}

/** When a picture was seen; of a file that is played, when it was sent. */
export function seenAt(picture: NewestPicture): number {
  return Date.parse(picture.live ? picture.captured_at : picture.received_at);
}

export type Freshness = "fresh" | "old" | "none";

export function freshness(seen: number | null, now: number): Freshness {
  if (seen === null) return "none";
  return now - seen > OLD_MS ? "old" : "fresh";
}
