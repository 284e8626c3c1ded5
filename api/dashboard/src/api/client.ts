/**
 * Requests to the API. Credentials are cookies that no script sees; one that ran out is renewed
 * once, by whoever meets it first, and everybody else waits for that.
 */
import type { Paged, ProblemDocument } from "@/api/types";

/** An answer that is no success. status 0: there was no answer at all. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly problem: ProblemDocument | null;
  readonly retryAfterS: number | null;

  constructor(status: number, problem: ProblemDocument | null, retryAfterS: number | null = null) {
    super(problem?.detail || problem?.title || `status ${status}`);
    this.name = "ApiError";
    this.status = status;
    this.problem = problem;
    this.code = problem?.type.split("/").pop() ?? "";
    this.retryAfterS = retryAfterS;
  }
}

const PATIENCE_MS = 30_000;

type SignedOut = () => void;
let signedOut: SignedOut = () => {};

/** Called when a request was refused although the session was renewed: sign in again. */
export function onSignedOut(told: SignedOut): void {
  signedOut = told;
}

export interface Asking {
  method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  body?: unknown;
  form?: Record<string, string>;
  query?: Record<string, string | number | readonly string[] | null | undefined>;
  signal?: AbortSignal;
  /** Sent on although the page is being left. */
  keepalive?: boolean;
  /** Not renewed on 401: signing in itself. */
  once?: boolean;
  /** Asks whether there is a session: a 401 is its answer, and nobody is told. */
  probe?: boolean;
  idempotencyKey?: string;
  /** The ETag of what was read, where a change has to be of that. */
  ifMatch?: string;
}

/** A path with its query; null and undefined are left out, a list is given several times. */
export function address(path: string, query: Asking["query"] = {}): string {
  const parts = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === null || value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value]) parts.append(name, String(one));
  }
  const text = parts.toString();
  return text ? `${path}?${text}` : path;
}

async function send(path: string, asking: Asking): Promise<Response> {
  const headers: Record<string, string> = { accept: "application/json" };
  let body: BodyInit | undefined;
  if (asking.form) {
    body = new URLSearchParams(asking.form);
  } else if (asking.body !== undefined) {
    body = JSON.stringify(asking.body);
    headers["content-type"] = "application/json";
  }
  if (asking.idempotencyKey) headers["idempotency-key"] = asking.idempotencyKey;
  if (asking.ifMatch) headers["if-match"] = asking.ifMatch;
  const limit = AbortSignal.timeout(PATIENCE_MS);
  const signal = asking.signal ? AbortSignal.any([asking.signal, limit]) : limit;
  try {
    return await fetch(address(path, asking.query), {
      method: asking.method ?? "GET",
      headers,
      body: body ?? null,
      signal,
      keepalive: asking.keepalive ?? false,
      credentials: "same-origin",
    });
  } catch (error) {
    if (asking.signal?.aborted) throw error;
    throw new ApiError(0, null);
  }
}

let renewing: Promise<boolean> | null = null;

async function renew(): Promise<boolean> {
  const answer = await send("/v1/auth/token", {
    method: "POST",
    form: { grant_type: "refresh_token", cookies: "true" },
  });
  return answer.ok;
}

/** A new access token from the refresh cookie; false: there is none, sign in. */
export function renewed(): Promise<boolean> {
  renewing ??= renew().finally(() => {
    renewing = null;
  });
  return renewing;
}

async function refusal(answer: Response): Promise<ApiError> {
  let problem: ProblemDocument | null = null;
  try {
    problem = (await answer.json()) as ProblemDocument;
  } catch {
    // A proxy's page, or nothing: the status has to do.
  }
  const wait = Number(answer.headers.get("retry-after"));
  return new ApiError(answer.status, problem, Number.isFinite(wait) && wait > 0 ? wait : null);
}

/** Ask; the decoded answer. Raises ApiError. */
export async function ask<T>(path: string, asking: Asking = {}): Promise<T> {
  let answer = await send(path, asking);
  if (answer.status === 401 && !asking.once) {
    if (await renewed()) answer = await send(path, asking);
    if (answer.status === 401 && !asking.probe) signedOut();
  }
  if (!answer.ok) throw await refusal(answer);
  if (answer.status === 204) return undefined as T;
  return (await answer.json()) as T;
}

/** All items of a paged list, a page at a time, at most `max`. complete: with the last of all. */
export async function* pages<T>(
  path: string,
  query: Asking["query"],
  max: number,
  signal?: AbortSignal,
): AsyncGenerator<{ items: T[]; complete: boolean }> {
  let left = max;
  let cursor: string | null = null;
  do {
    const page: Paged<T> = await ask<Paged<T>>(path, {
      query: { ...query, cursor, limit: 500 },
      ...(signal ? { signal } : {}),
    });
    cursor = page.next;
    yield {
      items: page.items.slice(0, left),
      complete: cursor === null && page.items.length <= left,
    };
    left -= page.items.length;
  } while (cursor !== null && left > 0);
}

/** All pages of a list, at most `max` items; `complete` says whether that was all. */
export async function all<T>(
  path: string,
  query: Asking["query"],
  max: number,
  signal?: AbortSignal,
): Promise<{ items: T[]; complete: boolean }> {
  const found = { items: [] as T[], complete: false };
  for await (const page of pages<T>(path, query, max, signal)) {
    found.items.push(...page.items);
    found.complete = page.complete;
  }
  return found;
}
