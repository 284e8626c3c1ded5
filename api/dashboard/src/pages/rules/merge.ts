/** Two people's changes of one document put together: mine onto what somebody else saved. Pure. */
import { same } from "./document";

const IDS = ["camera_id", "zone_id", "device_id", "silence_id", "site_id", "name"];
const MISSING = Symbol("missing");
type Part = unknown | typeof MISSING;

export interface Merged<D> {
  document: D;
  /** Places that both changed, and differently: mine is kept there. */
  conflicts: string[];
}

/** base: what both read; mine, theirs: what each made of it. */
export function merge<D>(base: D, mine: D, theirs: D): Merged<D> {
  const conflicts: string[] = [];
  const document = part(base, mine, theirs, "", conflicts) as D;
  return { document, conflicts };
}

function part(base: Part, mine: Part, theirs: Part, path: string, conflicts: string[]): Part {
  if (same(mine, theirs) || same(theirs, base)) return mine;
  if (same(mine, base)) return theirs;
  if (isObject(mine) && isObject(theirs)) {
    return object(isObject(base) ? base : {}, mine, theirs, path, conflicts);
  }
  const [first, left, right] = [byId(base), byId(mine), byId(theirs)];
  if (left && right) {
    const named = object(first ?? {}, left, right, path, conflicts, true);
    return Object.values(named);
  }
  conflicts.push(path);
  return mine;
}

function object(
  base: Record<string, unknown>,
  mine: Record<string, unknown>,
  theirs: Record<string, unknown>,
  path: string,
  conflicts: string[],
  listed = false,
): Record<string, unknown> {
  const at = (found: Record<string, unknown>, key: string): Part =>
    Object.hasOwn(found, key) ? found[key] : MISSING;
  const found: [string, unknown][] = [];
  for (const key of new Set([...Object.keys(theirs), ...Object.keys(mine)])) {
    const place = listed ? `${path}[${key.slice(1)}]` : path ? `${path}.${key}` : key;
    const value = part(at(base, key), at(mine, key), at(theirs, key), place, conflicts);
    if (value !== MISSING) found.push([key, value]);
  }
  return Object.fromEntries(found);
}

function isObject(value: Part): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A list's entries by their ids; null where one has none, or two have the same. */
function byId(value: Part): Record<string, unknown> | null {
  if (!Array.isArray(value)) return null;
  const found: Record<string, unknown> = {};
  for (const entry of value) {
    if (!isObject(entry)) return null;
    const field = IDS.find((name) => typeof entry[name] === "string");
    if (!field) return null;
    // A prefix keeps the order: keys that look like numbers would come first.
    const id = `#${entry[field]}`;
    if (Object.hasOwn(found, id)) return null;
    found[id] = entry;
  }
  return found;
}
