/** Where the analyst is in a list that changes under them. Pure. */

/** The id `steps` further; the first where none is picked, and never past an end. */
export function move(ids: readonly string[], picked: string | null, steps: number): string | null {
  if (!ids.length) return null;
  const at = picked === null ? -1 : ids.indexOf(picked);
  if (at < 0) return ids[steps < 0 ? ids.length - 1 : 0] ?? null;
  return ids[Math.min(ids.length - 1, Math.max(0, at + steps))] ?? null;
}

/**
 * What is picked after the list changed: the same one wherever it moved to; where it is gone, the
 * one that took its place, so that working down a queue never starts over at the top.
 */
export function keep(ids: readonly string[], picked: string | null, place: number): string | null {
  if (picked !== null && ids.includes(picked)) return picked;
  if (picked === null) return null;
  return ids[Math.min(Math.max(0, place), ids.length - 1)] ?? null;
}

/** Whom a command is for: those that are marked and shown, in order; else the one that is picked. */
export function targets(
  ids: readonly string[],
  marked: ReadonlySet<string>,
  picked: string | null,
): string[] {
  const found = ids.filter((id) => marked.has(id));
  if (found.length) return found;
  return picked !== null && ids.includes(picked) ? [picked] : [];
}
