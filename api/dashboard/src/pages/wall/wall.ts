/** What the wall shows, in which order, and how old it is. Pure. */
import type { NewestPicture } from "@/api/openapi";
import type { CameraView } from "@/api/types";
import { keyOf, type Ring, WORST } from "@/ui/rings";

export type { NewestPicture };

export interface Tile {
  key: string;
  camera: CameraView;
  ring: Ring | null;
}

export const DENSITIES = ["small", "medium", "large"] as const;
export type Density = (typeof DENSITIES)[number];

/** A connected camera has a frame every 10 s; one that is older than three of those is told so. */
export const OLD_MS = 30_000;

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
