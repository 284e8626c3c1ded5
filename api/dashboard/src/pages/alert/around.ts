/** The stretch of time around an alert, and where things lie in it. Pure. */

const MARGIN_MS = 15 * 60_000;
/** An alert that went on for days is looked at from its end. */
const MOST_MS = 24 * 3_600_000;

export interface Stretch {
  from: number;
  to: number;
}

/** From a while before the first event until a while after the last one, but not after now. */
export function around(first: string, last: string, now: number): Stretch {
  const to = Math.min(Date.parse(last) + MARGIN_MS, Math.max(now, Date.parse(last)));
  const from = Math.max(Date.parse(first) - MARGIN_MS, to - MOST_MS);
  return { from, to };
}

/** Where a moment lies, 0 to 100; what is outside lies at the edge. */
export function position(at: number, { from, to }: Stretch): number {
  if (to <= from) return 0;
  return Math.min(100, Math.max(0, ((at - from) / (to - from)) * 100));
}

/** Whole steps of a clock that divide a stretch into a few parts. */
export function ticks({ from, to }: Stretch, most = 6): number[] {
  const steps = [1, 5, 10, 15, 30, 60, 120, 240, 480].map((minutes) => minutes * 60_000);
  const step = steps.find((one) => (to - from) / one <= most) ?? 480 * 60_000;
  const found: number[] = [];
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) found.push(at);
  return found;
}
