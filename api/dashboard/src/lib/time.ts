/** Times: in the site's zone, the analyst's beside it. Pure; the clock and the language come in. */

/** The analyst's own zone, as the browser has it. */
export function browserZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
}

const formats = new Map<string, Intl.DateTimeFormat>();

function format(language: string, zone: string, kind: string, options: Intl.DateTimeFormatOptions) {
  // Making one costs far more than using it, and a list shows hundreds of times.
  const key = `${language}|${zone}|${kind}`;
  let found = formats.get(key);
  if (!found) {
    try {
      found = new Intl.DateTimeFormat(language, { ...options, timeZone: zone });
    } catch {
      // A zone that this browser does not know: better a time that says UTC than none.
      found = new Intl.DateTimeFormat(language, {
        ...options,
        timeZone: "UTC",
        timeZoneName: "short",
      });
    }
    formats.set(key, found);
  }
  return found;
}

/** 21:04:11 */
export function clock(at: number, zone: string, language: string): string {
  return format(language, zone, "clock", {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
  }).format(at);
}

/** Sat 28 Nov */
export function day(at: number, zone: string, language: string): string {
  return format(language, zone, "day", {
    weekday: "short",
    day: "numeric",
    month: "short",
  }).format(at);
}

/** 28 Nov 2026, 21:04:11 CET */
export function moment(at: number, zone: string, language: string): string {
  return format(language, zone, "moment", {
    year: "numeric",
    month: "short",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
    timeZoneName: "short",
  }).format(at);
}

/** 2026-11-28T21:04, as a field of a form has it, by that zone's clock. */
export function toField(at: number, zone: string): string {
  const parts = format("en-GB", zone, "field", {
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  }).formatToParts(at);
  const of = (type: Intl.DateTimeFormatPartTypes) =>
    parts.find((part) => part.type === type)?.value ?? "";
  return `${of("year").padStart(4, "0")}-${of("month")}-${of("day")}T${of("hour")}:${of("minute")}`;
}

/**
 * When that zone's clock shows what a field says; null where it says nothing. What it shows twice is
 * the first time; what it never shows, in spring, is as long after the change as it is in the field.
 */
export function fromField(text: string, zone: string): number | null {
  const asUtc = Date.parse(`${text}Z`);
  if (Number.isNaN(asUtc)) return null;
  // Clocks change at most once within these two days.
  const [before, after] = [-DAY_MS, DAY_MS].map((away) => {
    const near = asUtc + away;
    return (
      asUtc - (Date.parse(`${toField(near, zone)}Z`) - Math.floor(near / MINUTE_MS) * MINUTE_MS)
    );
  }) as [number, number];
  const shown = [before, after].filter((at) => toField(at, zone) === toField(asUtc, "UTC"));
  return shown.length ? Math.min(...shown) : before;
}
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const HALF_YEAR_MS = 182 * DAY_MS;

export interface ShownTime {
  /** The time, with the day where it is not today's there. */
  text: string;
  /** The same moment by the analyst's clock; null where both clocks agree. */
  own: string | null;
}

/** A moment as a list shows it, seen from `now`. */
export function shownTime(
  at: number,
  now: number,
  siteZone: string,
  ownZone: string,
  language: string,
): ShownTime {
  const one = (zone: string) => {
    const away = Math.abs(now - at);
    // Of another year, a day has the same name.
    if (away > HALF_YEAR_MS) return moment(at, zone, language);
    const today = day(at, zone, language) === day(now, zone, language);
    const text = clock(at, zone, language);
    if (today && away < 2 * DAY_MS) return text;
    return `${day(at, zone, language)} ${text}`;
  };
  const text = one(siteZone);
  const own = one(ownZone);
  return { text, own: own === text ? null : own };
}

/** 45 s, 3 min, 2 h 5 min, 4 d: as short as is still true. */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d`;
}

/** 0:07, 12:40, 1:02:03: a running clock. */
export function running(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (value: number) => String(value).padStart(2, "0");
  const minutes = Math.floor(seconds / 60) % 60;
  const hours = Math.floor(seconds / 3600);
  if (hours) return `${hours}:${two(minutes)}:${two(seconds % 60)}`;
  return `${minutes}:${two(seconds % 60)}`;
}
