/** Which shift is reported, and its numbers as bars. Pure. */
import type { Severity } from "@/api/types";
import type { HourLine } from "./api";

const HOUR = 3_600_000;

export const SEVERITIES: readonly Severity[] = ["critical", "high", "medium", "low", "info"];

export const LENGTHS_H = [8, 12, 24, 168] as const;

export interface Shift {
  /** ms */
  from: number;
  to: number;
}

/** The shift of so many hours that ends with the hour that has begun. */
export function lately(now: number, hours: number): Shift {
  const to = Math.ceil(now / HOUR) * HOUR;
  return { from: to - hours * HOUR, to };
}

export type Refusal = "empty" | "order" | "long";

/** What is wrong with a shift; the API's bounds. */
export function refusal(from: number | null, to: number | null): Refusal | null {
  if (from === null || to === null) return "empty";
  if (from >= to) return "order";
  return to - from > 31 * 24 * HOUR ? "long" : null;
}

/**
 * Heights of stacked bars for a chart that draws one series over the other: each is the sum of its
 * severity and all that are below it, the highest first.
 */
export function stacked(hours: readonly HourLine[]): [times: number[], ...series: number[][]] {
  const times = hours.map((hour) => Date.parse(hour.from) / 1000);
  const series = SEVERITIES.map((_, first) =>
    hours.map((hour) => SEVERITIES.slice(first).reduce((sum, severity) => sum + hour[severity], 0)),
  );
  return [times, ...series];
}

/** Seconds as people say them; null is not known. */
export function seconds(value: number | null): string {
  if (value === null) return "–";
  if (value < 10) return `${Math.round(value * 10) / 10} s`;
  if (value < 90) return `${Math.round(value)} s`;
  const minutes = Math.round(value / 60);
  if (minutes < 90) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${minutes % 60} min`;
  return `${Math.round(hours / 24)} d`;
}
