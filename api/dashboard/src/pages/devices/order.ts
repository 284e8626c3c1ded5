/** Which devices are shown, in which order. Pure. */
import type { DeviceView, Health } from "./api";

export const HEALTHS: readonly Health[] = ["critical", "suspect", "unknown", "normal"];

const PLACE = new Map(HEALTHS.map((health, place) => [health, place]));

export interface Wanted {
  /** Only what is not normal, or was not polled when due. */
  troubled: boolean;
  /** Part of a name or an id; empty: any. */
  text: string;
}

export interface SiteDevices {
  site: string;
  devices: DeviceView[];
  critical: number;
}

export const keyOf = (device: { site_id: string; device_id: string }): string =>
  `${device.site_id}/${device.device_id}`;

/** By site; within it the worst first, then by id. */
export function bySite(devices: readonly DeviceView[], wanted: Wanted): SiteDevices[] {
  const text = wanted.text.trim().toLowerCase();
  const found = new Map<string, DeviceView[]>();
  for (const device of devices) {
    if (wanted.troubled && device.severity === "normal" && !device.overdue) continue;
    if (text && !`${device.name}\n${device.device_id}`.toLowerCase().includes(text)) continue;
    const there = found.get(device.site_id);
    if (there) there.push(device);
    else found.set(device.site_id, [device]);
  }
  return [...found]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([site, those]) => ({
      site,
      devices: those.sort(
        (a, b) =>
          (PLACE.get(a.severity) ?? 0) - (PLACE.get(b.severity) ?? 0) ||
          (a.device_id < b.device_id ? -1 : 1),
      ),
      critical: those.filter((device) => device.severity === "critical").length,
    }));
}

/** How many there are of each health; those that there are none of are left out. */
export function counts(devices: readonly DeviceView[]): [Health, number][] {
  return HEALTHS.map((health): [Health, number] => [
    health,
    devices.filter((device) => device.severity === health).length,
  ]).filter(([, count]) => count > 0);
}

/** A share that never rounds up to all, nor down to nothing. */
export function share(value: number, language: string): string {
  const shown = value >= 1 || value <= 0 ? value : Math.min(0.9999, Math.max(0.0001, value));
  return new Intl.NumberFormat(language, {
    style: "percent",
    maximumFractionDigits: shown < 0.1 || shown > 0.99 ? 2 : 1,
  }).format(shown);
}

export type Level = "none" | "low" | "most" | "full";

/** How a day is painted. */
export function level(up: number | null): Level {
  if (up === null) return "none";
  if (up >= 0.9995) return "full";
  return up >= 0.95 ? "most" : "low";
}
