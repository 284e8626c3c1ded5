/** Which stretch of time is looked at, and where a moment lies in it. Pure. */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export const SHORTEST_MS = MINUTE;
/** As the API: 31 days. */
export const LONGEST_MS = 31 * DAY;

export const PRESETS: readonly (readonly [name: string, ms: number])[] = [
  ["m15", 15 * MINUTE],
  ["h1", HOUR],
  ["h6", 6 * HOUR],
  ["d1", DAY],
  ["d7", 7 * DAY],
];

/** end: null follows the present. */
export interface Range {
  length: number;
  end: number | null;
}

export interface Stretch {
  from: number;
  to: number;
}

export function stretch(range: Range, now: number): Stretch {
  const to = range.end ?? now;
  return { from: to - range.length, to };
}

function bounded(length: number): number {
  return Math.min(LONGEST_MS, Math.max(SHORTEST_MS, Math.round(length)));
}

/** An end that lies in the future follows the present instead. */
function until(length: number, end: number, now: number): Range {
  return end >= now ? { length, end: null } : { length, end: Math.round(end) };
}

/** Smaller below 1, larger above; what lies at `anchor` (0..1) stays where it is. */
export function zoom(range: Range, factor: number, anchor: number, now: number): Range {
  const { from, to } = stretch(range, now);
  const length = bounded(range.length * factor);
  const fixed = from + (to - from) * anchor;
  const end = fixed + length * (1 - anchor);
  // Whoever follows the present goes on doing so.
  if (range.end === null && anchor >= 1) return { length, end: null };
  return until(length, end, now);
}

/** By a share of what is seen; negative is back in time. */
export function pan(range: Range, share: number, now: number): Range {
  return until(range.length, stretch(range, now).to + range.length * share, now);
}

/** A range in the middle of which a moment lies, as long as before. */
export function around(range: Range, at: number, now: number): Range {
  return until(range.length, at + range.length / 2, now);
}

/** Where a moment is, 0..1 inside. */
export function place(at: number, { from, to }: Stretch): number {
  return (at - from) / (to - from);
}

const STEPS = [
  MINUTE / 6,
  MINUTE / 2,
  MINUTE,
  5 * MINUTE,
  10 * MINUTE,
  15 * MINUTE,
  30 * MINUTE,
  HOUR,
  2 * HOUR,
  3 * HOUR,
  6 * HOUR,
  12 * HOUR,
  DAY,
  2 * DAY,
  7 * DAY,
];

/** How far a zone's clocks are ahead of UTC then, in ms. */
export function offset(at: number, zone: string): number {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: zone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  const parts = Object.fromEntries(
    format.formatToParts(at).map((part) => [part.type, Number(part.value)]),
  );
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(at / 1000) * 1000;
}

/** Moments to mark, at most `most`: whole minutes, hours and days by the zone's clock. */
export function ticks(shown: Stretch, zone: string, most: number): number[] {
  const length = shown.to - shown.from;
  const step = STEPS.find((one) => length / one <= most) ?? length;
  const ahead = offset(shown.from, zone);
  const found: number[] = [];
  for (let at = Math.ceil((shown.from + ahead) / step) * step; ; at += step) {
    const moment = at - ahead;
    if (moment > shown.to || found.length > most) return found;
    found.push(moment);
  }
}
