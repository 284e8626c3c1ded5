/** The route tree: found, changed and moved by the places of its nodes. Pure. */
import type { Route } from "./document";

/** Which child of which child; the root is []. */
export type Place = readonly number[];

export interface Row {
  place: Place;
  route: Route;
  depth: number;
  /** Among its siblings, from 1, as a screen reader says it. */
  position: number;
  siblings: number;
}

/** Every node from top to bottom, as it is shown. */
export function rows(root: Route): Row[] {
  const found: Row[] = [];
  const walk = (route: Route, place: Place, position: number, siblings: number) => {
    found.push({ place, route, depth: place.length, position, siblings });
    const children = route.routes ?? [];
    children.forEach((child, index) => {
      walk(child, [...place, index], index + 1, children.length);
    });
  };
  walk(root, [], 1, 1);
  return found;
}

export function routeAt(root: Route, place: Place): Route | null {
  let found: Route | undefined = root;
  for (const index of place) found = found?.routes?.[index];
  return found ?? null;
}

export function withRoute(root: Route, place: Place, change: (route: Route) => Route): Route {
  const [first, ...rest] = place;
  if (first === undefined) return change(root);
  const children = root.routes ?? [];
  return withChildren(
    root,
    children.map((child, index) => (index === first ? withRoute(child, rest, change) : child)),
  );
}

function withChildren(route: Route, children: Route[]): Route {
  const { routes: _, ...rest } = route;
  return children.length ? { ...rest, routes: children } : rest;
}

/** A new last child of a node, and its place. */
export function added(root: Route, parent: Place, route: Route): [Route, Place] {
  const count = routeAt(root, parent)?.routes?.length ?? 0;
  const changed = withRoute(root, parent, (one) =>
    withChildren(one, [...(one.routes ?? []), route]),
  );
  return [changed, [...parent, count]];
}

/** Without a node and what is below it; the root stays. */
export function removed(root: Route, place: Place): Route {
  const index = place.at(-1);
  if (index === undefined) return root;
  return withRoute(root, place.slice(0, -1), (parent) =>
    withChildren(
      parent,
      (parent.routes ?? []).filter((_, at) => at !== index),
    ),
  );
}

/** A node before (-1) or behind (1) its neighbour, and its new place. The first that matches takes. */
export function moved(root: Route, place: Place, by: -1 | 1): [Route, Place] {
  const index = place.at(-1);
  const parent = place.slice(0, -1);
  const children = routeAt(root, parent)?.routes ?? [];
  if (index === undefined || !children[index + by]) return [root, place];
  const order = [...children];
  const [one] = order.splice(index, 1);
  if (one) order.splice(index + by, 0, one);
  return [withRoute(root, parent, (route) => withChildren(route, order)), [...parent, index + by]];
}

/** The receiver that a node tells: its own, or the nearest above it. */
export function receiverOf(root: Route, place: Place): string | null {
  for (let length = place.length; length >= 0; length -= 1) {
    const own = routeAt(root, place.slice(0, length))?.receiver;
    if (own) return own;
  }
  return null;
}

/** Where the problems of a node are: `["route", "routes", 1]`. */
export function pathOf(place: Place): (string | number)[] {
  return ["route", ...place.flatMap((index) => ["routes", index])];
}
