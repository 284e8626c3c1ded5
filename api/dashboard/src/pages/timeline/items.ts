/** What a stretch of time has in it, in lanes and as a list. Pure. */
import type { CameraView, Severity } from "@/api/types";
import type { Condition, TimelineView } from "./api";

export type Kind = "alert" | "event" | "condition";

/** Something that can be picked. to: null goes on; from and to are ms. */
export interface Item {
  id: string;
  kind: Kind;
  lane: string;
  site: string;
  from: number | null;
  to: number | null;
  type: string;
  severity: Severity | null;
  condition: Condition | null;
  zone: string | null;
  detail: string | null;
  /** Where its picture is. */
  picture: string | null;
  /** The alert to which it leads. */
  alert: string | null;
}

export interface LaneShown {
  key: string;
  name: string;
  /** A count a bucket. */
  events: readonly number[];
  total: number;
  alerts: Item[];
  moments: Item[];
  conditions: Item[];
}

const laneKey = (site: string, thing: string | null): string => `${site}/${thing ?? ""}`;

/** Everything that can be picked, the newest first. */
export function items(view: TimelineView): Item[] {
  const alerts = view.alerts.map((one): Item => {
    const path = `/v1/alerts/${encodeURIComponent(one.alert_id)}`;
    return {
      id: `alert ${one.alert_id}`,
      kind: "alert",
      lane: laneKey(one.site_id, one.camera_id ?? one.device_id),
      site: one.site_id,
      from: Date.parse(one.opened_at),
      to: one.resolved_at ? Date.parse(one.resolved_at) : null,
      type: one.event_type,
      severity: one.severity,
      condition: null,
      zone: one.zone_id,
      detail: one.resolution ?? one.state,
      picture: one.picture ? `${path}/snapshot` : null,
      alert: one.alert_id,
    };
  });
  const events = view.events.map((one): Item => {
    const path = `/v1/events/${encodeURIComponent(one.event_id)}`;
    const at = Date.parse(one.at);
    return {
      id: `event ${one.event_id}`,
      kind: "event",
      lane: laneKey(one.site_id, one.camera_id),
      site: one.site_id,
      from: at,
      to: at,
      type: one.event_type,
      severity: one.severity,
      condition: null,
      zone: one.zone_id,
      detail: one.label,
      picture: one.pictures ? `${path}/snapshots/0` : null,
      alert: one.alert_id,
    };
  });
  const conditions = view.spans.map(
    (one): Item => ({
      id: `condition ${one.site_id}/${one.device_id} ${one.condition} ${one.from ?? ""} ${one.to ?? ""}`,
      kind: "condition",
      lane: laneKey(one.site_id, one.device_id),
      site: one.site_id,
      from: one.from ? Date.parse(one.from) : null,
      to: one.to ? Date.parse(one.to) : null,
      type: one.condition,
      severity: null,
      condition: one.condition,
      zone: null,
      detail: one.error,
      picture: null,
      alert: null,
    }),
  );
  return [...alerts, ...events, ...conditions].sort(
    (a, b) => (b.from ?? 0) - (a.from ?? 0) || (a.id < b.id ? -1 : 1),
  );
}

/** Lanes in which there is something, by site and camera; what has no camera comes last. */
export function lanes(
  view: TimelineView,
  found: readonly Item[],
  cameras: ReadonlyMap<string, CameraView>,
  severalSites: boolean,
): LaneShown[] {
  const shown = new Map<string, LaneShown>();
  const lane = (key: string): LaneShown => {
    const known = shown.get(key);
    if (known) return known;
    const [site = "", ...rest] = key.split("/");
    const thing = cameras.get(key)?.name ?? rest.join("/");
    const made: LaneShown = {
      key,
      name: severalSites ? `${site} · ${thing || "–"}` : thing || "–",
      events: [],
      total: 0,
      alerts: [],
      moments: [],
      conditions: [],
    };
    shown.set(key, made);
    return made;
  };
  for (const one of view.lanes) {
    const made = lane(laneKey(one.site_id, one.camera_id));
    made.events = one.events;
    made.total = one.events.reduce((sum, count) => sum + count, 0);
  }
  for (const item of found) {
    const made = lane(item.lane);
    if (item.kind === "alert") made.alerts.push(item);
    else if (item.kind === "event") made.moments.push(item);
    else made.conditions.push(item);
  }
  return [...shown.values()].sort((a, b) => {
    const nameless = Number(a.key.endsWith("/")) - Number(b.key.endsWith("/"));
    const [siteA = ""] = a.key.split("/");
    const [siteB = ""] = b.key.split("/");
    if (siteA !== siteB) return siteA < siteB ? -1 : 1;
    return nameless || (a.key < b.key ? -1 : 1);
  });
}

/**
 * Bars of the counts as one SVG path in 0..1 by 0..1 (y downwards), the highest as high as `most`
 * is: one scale for all lanes.
 */
export function bars(
  events: readonly number[],
  most: number,
  bucketS: number,
  from: number,
  to: number,
): string {
  if (!most) return "";
  const width = (bucketS * 1000) / (to - from);
  return events
    .flatMap((count, bucket) => {
      if (!count) return [];
      const x = bucket * width;
      const right = Math.min(1, x + width * 0.9);
      // One event among thousands is still to be seen.
      const height = Math.max(0.08, Math.sqrt(count / most));
      return [`M${round(x)} 1V${round(1 - height)}H${round(right)}V1Z`];
    })
    .join("");
}

const round = (value: number): number => Math.round(value * 10_000) / 10_000;

/** The one after (1) or before (-1) in time; from nothing, the newest. */
export function step(found: readonly Item[], current: string | null, by: 1 | -1): Item | null {
  const at = found.findIndex((item) => item.id === current);
  if (at < 0) return found[0] ?? null;
  return found[at - by] ?? found[at] ?? null;
}
