/** What stands beside the route tree, as lists: silences, inhibitions, escalations. Pure. */
import { freeId, type RoutingDocument } from "./document";

export type Silence = NonNullable<RoutingDocument["silences"]>[number];
export type Inhibition = NonNullable<RoutingDocument["inhibit"]>[number];
export type Escalation = NonNullable<RoutingDocument["escalations"]>[number];

interface Lists {
  silences: Silence;
  inhibit: Inhibition;
  escalations: Escalation;
}
export type ListName = keyof Lists;

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

/** How long a silence is usually meant to be; hours. */
export const LENGTHS_H = [1, 4, 12, 24, 168] as const;

export function entriesOf<N extends ListName>(document: RoutingDocument, name: N): Lists[N][] {
  return (document[name] ?? []) as Lists[N][];
}

function withList<N extends ListName>(
  document: RoutingDocument,
  name: N,
  list: Lists[N][],
): RoutingDocument {
  const { [name]: _, ...rest } = document;
  return list.length ? { ...rest, [name]: list } : rest;
}

export function withEntry<N extends ListName>(
  document: RoutingDocument,
  name: N,
  index: number,
  entry: Lists[N],
): RoutingDocument {
  const list = entriesOf(document, name).map((one, at) => (at === index ? entry : one));
  return withList(document, name, list);
}

export function withNew<N extends ListName>(
  document: RoutingDocument,
  name: N,
  entry: Lists[N],
): RoutingDocument {
  return withList(document, name, [...entriesOf(document, name), entry]);
}

export function without(document: RoutingDocument, name: ListName, index: number): RoutingDocument {
  const list = entriesOf(document, name).filter((_, at) => at !== index);
  return withList(document, name, list);
}

/** A moment as the document has it. */
export function isoOf(at: number): string {
  return new Date(at).toISOString().replace(/\.000Z$/, "Z");
}

/** From this minute on for an hour, of nothing yet: what it is about has to be said. */
export function freshSilence(document: RoutingDocument, by: string, now: number): Silence {
  const taken = entriesOf(document, "silences").map((one) => one.silence_id);
  const begin = Math.floor(now / MINUTE_MS) * MINUTE_MS;
  return {
    silence_id: freeId(taken, "silence"),
    matchers: [],
    starts_at: isoOf(begin),
    ends_at: isoOf(begin + HOUR_MS),
    created_by: by,
  };
}

/** The same silence, so many hours long. */
export function lasting(silence: Silence, hours: number): Silence {
  return { ...silence, ends_at: isoOf(Date.parse(silence.starts_at) + hours * HOUR_MS) };
}

/** Whether it is one of so many hours. */
export function lasts(silence: Silence, hours: number): boolean {
  return Date.parse(silence.ends_at) - Date.parse(silence.starts_at) === hours * HOUR_MS;
}

export type Phase = "ahead" | "running" | "over";

export function phaseOf(silence: Silence, now: number): Phase {
  if (Date.parse(silence.ends_at) <= now) return "over";
  return Date.parse(silence.starts_at) > now ? "ahead" : "running";
}

/** Without the silences that are over. */
export function withoutOver(document: RoutingDocument, now: number): RoutingDocument {
  const kept = entriesOf(document, "silences").filter((one) => phaseOf(one, now) !== "over");
  return withList(document, "silences", kept);
}
