/** What a push says, as it is shown. Pure: it comes from outside, and is bounded here. */

export interface Notice {
  title: string;
  body: string;
  tag: string;
  /** Where a click goes: a page of ours. */
  path: string;
}

const MOST_TITLE = 200;
const MOST_BODY = 1_000;
const MOST_TAG = 100;
const MOST_PATH = 500;

/** What is shown where a push says nothing that can be shown: browsers want to see something. */
const SILENT: Record<string, string> = {
  en: "There is something new in the queue.",
  de: "In der Liste ist etwas Neues.",
};

function textOf(value: unknown, most: number): string {
  return typeof value === "string" ? value.slice(0, most) : "";
}

/** A path of this origin, or the first page. */
export function pathOf(url: unknown, origin: string): string {
  if (typeof url !== "string" || !url || url.length > MOST_PATH) return "/";
  try {
    const found = new URL(url, origin);
    return found.origin === origin ? found.pathname + found.search : "/";
  } catch {
    return "/";
  }
}

/** text: what was pushed; null where nothing was. languages: those of the browser. */
export function noticeOf(
  text: string | null,
  origin: string,
  languages: readonly string[] = [],
): Notice {
  let told: Record<string, unknown> = {};
  try {
    const value: unknown = JSON.parse(text ?? "");
    if (typeof value === "object" && value !== null) told = value as Record<string, unknown>;
  } catch {
    // Not ours, or nothing at all.
  }
  const title = textOf(told.title, MOST_TITLE).trim();
  const body = textOf(told.body, MOST_BODY);
  const language = languages[0]?.split("-")[0] ?? "en";
  return {
    title: title || "Watchfloor",
    body: title ? body : (SILENT[language] ?? SILENT.en ?? ""),
    tag: textOf(told.tag, MOST_TAG) || "watchfloor",
    path: pathOf(told.url, origin),
  };
}

const GO = "watchfloor.go";

/** The worker's word to a page: go there. */
export function goTo(path: string): { kind: string; path: string } {
  return { kind: GO, path };
}

/** Where a message of the worker wants a page to go, or null. */
export function goneTo(message: unknown, origin: string): string | null {
  if (typeof message !== "object" || message === null) return null;
  const { kind, path } = message as Record<string, unknown>;
  return kind === GO ? pathOf(path, origin) : null;
}
