/** A week's windows as stretches of minutes since Monday 00:00, and back. Pure. */
import type { Window } from "./document";

export const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
export const DAY = 1_440;
export const WEEK = 7 * DAY;
/** Minutes of a cell of the grid. */
export const CELL = 30;
export const CELLS = DAY / CELL;

/** Half open, 0 to WEEK, in order, and none touches the next. */
export type Stretch = [from: number, to: number];

function minutes(clock: string): number {
  const [hours, rest] = clock.split(":").map(Number);
  return (hours ?? 0) * 60 + (rest ?? 0);
}

function clock(minute: number): string {
  const two = (value: number) => String(value).padStart(2, "0");
  return `${two(Math.floor(minute / 60))}:${two(minute % 60)}`;
}

function joined(stretches: readonly Stretch[]): Stretch[] {
  const found: Stretch[] = [];
  for (const [from, to] of [...stretches].sort((one, other) => one[0] - other[0])) {
    const last = found.at(-1);
    if (last && from <= last[1]) last[1] = Math.max(last[1], to);
    else if (from < to) found.push([from, to]);
  }
  return found;
}

/** A window belongs to the day on which it starts; one that ends before it starts ends on the next. */
export function stretches(windows: readonly Window[]): Stretch[] {
  const found: Stretch[] = [];
  for (const window of windows) {
    const [start, end] = [minutes(window.start), minutes(window.end)];
    const length = end > start ? end - start : end - start + DAY;
    for (const day of window.days) {
      const from = DAYS.indexOf(day as (typeof DAYS)[number]) * DAY + start;
      if (from < 0) continue;
      const to = from + length;
      found.push([from, Math.min(to, WEEK)]);
      // Sunday's night ends on Monday.
      if (to > WEEK) found.push([0, to - WEEK]);
    }
  }
  return joined(found);
}

/** The windows that say so, the same times of several days as one. */
export function windows(found: readonly Stretch[]): Window[] {
  const pieces = joined(found).map(([from, to]): Stretch => [from, to]);
  const [first, last] = [pieces[0], pieces.at(-1)];
  if (first && last && first !== last && first[0] === 0 && last[1] === WEEK) {
    last[1] = WEEK + first[1];
    pieces.shift();
  }
  const days = new Map<string, number[]>();
  for (const [from, to] of pieces) {
    let begin = from;
    while (begin < to) {
      // A night stays one window; what is longer than a day is cut at midnights.
      const midnight = (Math.floor(begin / DAY) + 1) * DAY;
      const end = to - begin < DAY ? to : Math.min(midnight, to);
      const day = Math.floor(begin / DAY);
      const key = `${clock(begin - day * DAY)} ${clock(end > midnight ? end - midnight : end - day * DAY)}`;
      days.set(key, [...(days.get(key) ?? []), day % 7]);
      begin = end;
    }
  }
  return [...days].map(([key, numbers]) => {
    const [start, end] = key.split(" ") as [string, string];
    const order = [...numbers].sort((one, other) => one - other);
    return { days: order.map((day) => DAYS[day] as string), start, end };
  });
}

/** How much of a cell is covered: all, some or none of it. */
export function covered(
  found: readonly Stretch[],
  day: number,
  cell: number,
): "all" | "some" | "none" {
  const [from, to] = [day * DAY + cell * CELL, day * DAY + (cell + 1) * CELL];
  const sum = found.reduce(
    (all, one) => all + Math.max(0, Math.min(one[1], to) - Math.max(one[0], from)),
    0,
  );
  return sum >= CELL ? "all" : sum > 0 ? "some" : "none";
}

/** With a rectangle of cells covered, or free: from one corner to the other. */
export function painted(
  found: readonly Stretch[],
  [day, cell]: [number, number],
  [otherDay, otherCell]: [number, number],
  on: boolean,
): Stretch[] {
  let result = [...found];
  const [low, high] = [Math.min(cell, otherCell), Math.max(cell, otherCell)];
  for (let row = Math.min(day, otherDay); row <= Math.max(day, otherDay); row += 1) {
    const [from, to] = [row * DAY + low * CELL, row * DAY + (high + 1) * CELL];
    result = on
      ? joined([...result, [from, to]])
      : result.flatMap(([a, b]): Stretch[] => [
          ...(a < from ? [[a, Math.min(b, from)] as Stretch] : []),
          ...(b > to ? [[Math.max(a, to), b] as Stretch] : []),
        ]);
  }
  return joined(result);
}

/** Hours of the week that are covered. */
export function hours(found: readonly Stretch[]): number {
  return found.reduce((all, [from, to]) => all + to - from, 0) / 60;
}
