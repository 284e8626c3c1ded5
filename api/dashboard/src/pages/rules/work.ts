/** Documents to work on: read, checked by the server as they change, and met again. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useReducer, useState } from "react";
import { ask } from "@/api/client";
import type { CheckView, DocumentView } from "./document";
import { type Act, type Draft, dirty, next } from "./draft";

/** Of the routing, or of a site. */
export type Part = string | null;

/** What whoever is signed in may do with a part. */
export interface May {
  /** Make a draft: to save it, or only to try it. */
  draft: boolean;
  save: boolean;
  try: boolean;
}

export function placeOf(part: Part): string {
  return part === null ? "/v1/routing" : `/v1/sites/${encodeURIComponent(part)}/document`;
}

const PAUSE_MS = 350;

/** Drafts that somebody left for another page: they are there when they come back. */
const left = new Map<string, unknown>();

export interface Work<D> {
  draft: Draft<D> | null;
  changed: boolean;
  check: CheckView | null;
  /** Whether what the check says is about what is shown. */
  checking: boolean;
  error: Error | null;
  act: (act: Act<D>) => void;
  /** Read again; what was changed here stays, on top of what is newer. */
  meet: () => Promise<void>;
  saved: () => Promise<void>;
}

/** A part's document to work on, checked by the server as it changes. */
export function useWork<D>(part: Part, enabled = true): Work<D> {
  const client = useQueryClient();
  const key = useMemo(() => ["document", part ?? "*routing"], [part]);
  const read = useCallback(() => ask<DocumentView<D>>(placeOf(part)), [part]);
  const [draft, act] = useReducer(
    next<D>,
    null,
    () => (left.get(placeOf(part)) as Draft<D> | undefined) ?? null,
  );
  const { data, error } = useQuery({ queryKey: key, queryFn: read, enabled, staleTime: 10_000 });
  useEffect(() => {
    if (data) act({ do: "read", view: data });
  }, [data]);
  const mine = draft?.base.site_id === part ? draft : null;
  const changed = mine !== null && dirty(mine);
  useEffect(() => {
    if (mine && changed) left.set(placeOf(part), mine);
    else if (mine) left.delete(placeOf(part));
    if (!changed) return;
    // Closing the window is the one way to lose it.
    const warn = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener("beforeunload", warn);
    return () => removeEventListener("beforeunload", warn);
  }, [mine, changed, part]);
  const version = usePause(mine?.version ?? 0);
  const { data: check, isFetching } = useQuery({
    queryKey: ["check", part ?? "*routing", version],
    queryFn: ({ signal }) =>
      ask<CheckView>(`${placeOf(part)}/check`, {
        method: "POST",
        body: { document: mine?.document },
        signal,
      }),
    enabled: mine !== null && version === mine.version,
    placeholderData: (before) => before,
    gcTime: 0,
    retry: 1,
  });
  return {
    draft: mine,
    changed,
    check: mine && check ? check : null,
    checking: isFetching || version !== mine?.version,
    error: error as Error | null,
    act,
    meet: useCallback(async () => {
      const theirs = await client.fetchQuery({ queryKey: key, queryFn: read, staleTime: 0 });
      act({ do: "meet", theirs });
    }, [client, key, read]),
    saved: useCallback(async () => {
      const view = await client.fetchQuery({ queryKey: key, queryFn: read, staleTime: 0 });
      act({ do: "discard" });
      act({ do: "read", view });
      await Promise.all(
        ["zones", "sites", "history"].map((name) => client.invalidateQueries({ queryKey: [name] })),
      );
    }, [client, key, read]),
  };
}

/** A value once it has not changed for a moment. */
function usePause(value: number): number {
  const [held, setHeld] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setHeld(value), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return held;
}
