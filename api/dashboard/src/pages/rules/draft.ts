/** A document that is being changed: what was read, what it is now, and the way back. Pure. */
import { type DocumentView, same } from "./document";
import { merge } from "./merge";

const MOST_BACK = 100;

export interface Draft<D> {
  base: DocumentView<D>;
  document: D;
  back: D[];
  /** Counts changes, so that a check knows of which one it is. */
  version: number;
  /** Places that somebody else changed as well, since the two were put together. */
  conflicts: string[];
}

export type Act<D> =
  | { do: "read"; view: DocumentView<D> }
  | { do: "change"; document: D }
  | { do: "undo" }
  | { do: "discard" }
  | { do: "meet"; theirs: DocumentView<D> };

export function started<D>(view: DocumentView<D>, version = 0): Draft<D> {
  return { base: view, document: view.document, back: [], version, conflicts: [] };
}

export function dirty<D>(draft: Draft<D>): boolean {
  return !same(draft.document, draft.base.document);
}

/** What an act makes of a draft. Pure. */
export function next<D>(draft: Draft<D> | null, act: Act<D>): Draft<D> | null {
  if (act.do === "read") {
    // What somebody works on is not taken from under their hands.
    if (draft && dirty(draft) && draft.base.site_id === act.view.site_id) return draft;
    if (draft?.base.revision === act.view.revision && draft.base.site_id === act.view.site_id) {
      return draft;
    }
    return started(act.view, (draft?.version ?? 0) + 1);
  }
  if (!draft) return draft;
  const version = draft.version + 1;
  switch (act.do) {
    case "change":
      if (same(act.document, draft.document)) return draft;
      return {
        ...draft,
        document: act.document,
        back: [...draft.back.slice(1 - MOST_BACK), draft.document],
        version,
      };
    case "undo": {
      const before = draft.back.at(-1);
      if (before === undefined) return draft;
      return { ...draft, document: before, back: draft.back.slice(0, -1), version };
    }
    case "discard":
      return started(draft.base, version);
    case "meet": {
      const found = merge(draft.base.document, draft.document, act.theirs.document);
      return { ...started(act.theirs, version), ...found };
    }
  }
}
