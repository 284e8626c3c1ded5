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
    const today = day(at, zone, language) === day(now, zone, language);
    const text = clock(at, zone, language);
    // A day that is half a year away has the same name; then the year is told too.
    if (today && Math.abs(now - at) < 2 * 86_400_000) return text;
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
