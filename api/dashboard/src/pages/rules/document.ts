/** Documents as the API tells and takes them, and what is done to them here. Pure. */

export type Point = [x: number, y: number];

export interface Window {
  days: string[];
  start: string;
  end: string;
}

export interface Schedule {
  timezone?: string;
  windows?: Window[];
}

export interface Zone {
  zone_id: string;
  camera_ids: string[];
  severity?: string;
  active_schedule?: Schedule;
  alert_destinations?: string[];
  dedupe_window_sec?: number;
  suppression_window_sec?: number;
  polygons?: Record<string, Point[]>;
  labels?: string[];
  min_confidence?: number;
  dwell_sec?: number;
  procedure?: string[];
}

export interface Camera {
  camera_id: string;
  name?: string;
  [field: string]: unknown;
}

export interface Site {
  site_id: string;
  name?: string;
  timezone?: string;
  cameras?: Camera[];
  devices?: { device_id: string; kind: string; name?: string }[];
  zones?: Zone[];
  [field: string]: unknown;
}

export interface SiteDocument {
  sites: Site[];
}

export interface Route {
  receiver?: string;
  matchers?: string[];
  group_by?: string[];
  group_wait?: string;
  group_interval?: string;
  repeat_interval?: string;
  resolve_after?: string;
  continue?: boolean;
  routes?: Route[];
  [field: string]: unknown;
}

export interface RoutingDocument {
  route?: Route;
  receivers?: { name: string; channels?: { kind: string; name?: string }[]; fanout?: boolean }[];
  silences?: {
    silence_id: string;
    matchers: string[];
    starts_at: string;
    ends_at: string;
    created_by?: string;
    comment?: string;
  }[];
  inhibit?: { source: string[]; target: string[]; equal?: string[] }[];
  escalations?: { matchers?: string[]; steps: { after: string; receiver: string }[] }[];
  [field: string]: unknown;
}

export interface DocumentView<D> {
  site_id: string | null;
  revision: number;
  author: string;
  at: string | null;
  document: D;
  yaml: string;
}

export interface DocumentProblem {
  message: string;
  path: (string | number)[];
  line: number;
}

export interface DifferenceView {
  kind: "added" | "removed" | "changed";
  path: string;
  before: unknown;
  after: unknown;
  cut: boolean;
}

export interface CheckView {
  ok: boolean;
  revision: number;
  problems: DocumentProblem[];
  notes: DocumentProblem[];
  changes: DifferenceView[];
  more: number;
}

export interface SavedView {
  revision: number;
  in_force: boolean;
}

export interface RevisionView {
  revision: number;
  author: string;
  at: string;
  removed: boolean;
  changes: DifferenceView[];
  more: number;
}

export const SEVERITIES = ["critical", "high", "medium", "low", "info"] as const;

/** What a zone has where its document leaves a field out (schemas/document.py). */
export const DEFAULTS = {
  severity: "medium",
  min_confidence: 0.8,
  dwell_sec: 0,
  dedupe_window_sec: 0,
  suppression_window_sec: 0,
} as const;

/** The cameras that a zone may be drawn on: those, and devices that are cameras. */
export function camerasOf(site: Site): { id: string; name: string }[] {
  const named = (site.cameras ?? []).map((one) => ({
    id: one.camera_id,
    name: one.name ?? one.camera_id,
  }));
  const watched = (site.devices ?? [])
    .filter((one) => one.kind === "camera")
    .map((one) => ({ id: one.device_id, name: one.name ?? one.device_id }));
  return [...named, ...watched];
}

export function zonesOf(site: Site, camera: string): Zone[] {
  return (site.zones ?? []).filter((zone) => zone.camera_ids.includes(camera));
}

/** The document with one zone changed; the others are the very same objects. */
export function withZone(
  document: SiteDocument,
  zoneId: string,
  change: (zone: Zone) => Zone,
): SiteDocument {
  return withSite(document, (site) => ({
    ...site,
    zones: (site.zones ?? []).map((zone) => (zone.zone_id === zoneId ? change(zone) : zone)),
  }));
}

export function withNewZone(document: SiteDocument, zone: Zone): SiteDocument {
  return withSite(document, (site) => ({ ...site, zones: [...(site.zones ?? []), zone] }));
}

export function withoutZone(document: SiteDocument, zoneId: string): SiteDocument {
  return withSite(document, (site) => ({
    ...site,
    zones: (site.zones ?? []).filter((zone) => zone.zone_id !== zoneId),
  }));
}

function withSite(document: SiteDocument, change: (site: Site) => Site): SiteDocument {
  return { ...document, sites: document.sites.map((site) => change(site)) };
}

/** A zone's shape on one camera; none: all of its picture. */
export function withShape(zone: Zone, camera: string, points: Point[] | null): Zone {
  const { [camera]: _, ...rest } = zone.polygons ?? {};
  const polygons = points === null ? rest : { ...rest, [camera]: points };
  const { polygons: __, ...bare } = zone;
  return Object.keys(polygons).length ? { ...bare, polygons } : bare;
}

/** A field set, or left out where it says what is so anyway. */
export function withField<K extends keyof Zone>(zone: Zone, field: K, value: Zone[K] | undefined) {
  const { [field]: _, ...rest } = zone;
  const usual = (DEFAULTS as Partial<Record<keyof Zone, unknown>>)[field];
  const empty = Array.isArray(value) && value.length === 0;
  if (value === undefined || empty || value === usual) return rest as unknown as Zone;
  return { ...rest, [field]: value } as unknown as Zone;
}

/** A field of anything set, or left out where it is empty. */
export function withOptional<T extends object>(entry: T, field: string, value: unknown): T {
  const { [field]: _, ...rest } = entry as Record<string, unknown>;
  const empty =
    value === undefined ||
    value === "" ||
    value === false ||
    (Array.isArray(value) && !value.length);
  return (empty ? rest : { ...rest, [field]: value }) as T;
}

/** An id that is free: `zone-2` where `zone-1` is taken. */
export function freeId(taken: Iterable<string>, stem: string): string {
  const ids = new Set(taken);
  let number = 1;
  while (ids.has(`${stem}-${number}`)) number += 1;
  return `${stem}-${number}`;
}

/** One that is free at a site, where cameras, devices and zones share ids. */
export function freshId(site: Site, stem = "zone"): string {
  const taken = [
    ...(site.zones ?? []).map((one) => one.zone_id),
    ...(site.cameras ?? []).map((one) => one.camera_id),
    ...(site.devices ?? []).map((one) => one.device_id),
  ];
  return freeId(taken, stem);
}

/** The problems at a place, or below it. */
export function under(
  problems: readonly DocumentProblem[],
  ...path: (string | number)[]
): DocumentProblem[] {
  return problems.filter((one) => path.every((part, index) => one.path[index] === part));
}

export function same(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (Array.isArray(one) || Array.isArray(other)) {
    return (
      Array.isArray(one) &&
      Array.isArray(other) &&
      one.length === other.length &&
      one.every((part, index) => same(part, other[index]))
    );
  }
  if (typeof one !== "object" || typeof other !== "object" || !one || !other) return false;
  const left = one as Record<string, unknown>;
  const right = other as Record<string, unknown>;
  const keys = new Set([...Object.keys(left), ...Object.keys(right)]);
  return [...keys].every((key) => same(left[key], right[key]));
}
