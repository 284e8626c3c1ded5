/** Polygons over a picture: points in 0..1 of its width and height. Pure. */
import type { Point } from "./document";

/** A step of an arrow key, and of one with Shift: half a hundredth, and a twentieth. */
export const STEP = 0.005;
export const STRIDE = 0.05;
export const LEAST_POINTS = 3;
export const MOST_POINTS = 200;
/** Square distance, in shares of the picture, within which the first point closes a shape. */
export const CLOSE = 0.0009;

/** Four digits: a tenth of a pixel of a picture a thousand wide. */
const round = (value: number) => Math.round(value * 10_000) / 10_000;
const inside = (value: number) => round(Math.min(1, Math.max(0, value)));

export function clamp([x, y]: Point): Point {
  return [inside(x), inside(y)];
}

export function movePoint(points: readonly Point[], index: number, to: Point): Point[] {
  return points.map((point, place) => (place === index ? clamp(to) : point));
}

/** The whole shape moved, no further than to the picture's edge, so that it keeps its form. */
export function moveShape(points: readonly Point[], dx: number, dy: number): Point[] {
  const held = (delta: number, axis: 0 | 1) => {
    const values = points.map((point) => point[axis]);
    return Math.min(1 - Math.max(...values), Math.max(-Math.min(...values), delta));
  };
  const [x, y] = [held(dx, 0), held(dy, 1)];
  return points.map((point) => clamp([point[0] + x, point[1] + y]));
}

/** A new point in the middle of the edge that begins at a point. */
export function splitEdge(points: readonly Point[], index: number): Point[] {
  const [a, b] = [points[index], points[(index + 1) % points.length]];
  if (!a || !b || points.length >= MOST_POINTS) return [...points];
  const middle = clamp([(a[0] + b[0]) / 2, (a[1] + b[1]) / 2]);
  return [...points.slice(0, index + 1), middle, ...points.slice(index + 1)];
}

/** Without a point; a shape keeps three. */
export function removePoint(points: readonly Point[], index: number): Point[] {
  return points.length > LEAST_POINTS ? points.filter((_, place) => place !== index) : [...points];
}

/** Where the arrow key of that name leads; null for any other key. */
export function arrow(key: string, far: boolean): Point | null {
  const step = far ? STRIDE : STEP;
  switch (key) {
    case "ArrowLeft":
      return [-step, 0];
    case "ArrowRight":
      return [step, 0];
    case "ArrowUp":
      return [0, -step];
    case "ArrowDown":
      return [0, step];
    default:
      return null;
  }
}

export type Flaw = "few" | "twice" | "crosses" | "flat";

/** What is wrong with a shape, as `schemas/reading/geometry.py` sees it; null: nothing. */
export function flaw(points: readonly Point[]): Flaw | null {
  if (points.length < LEAST_POINTS) return "few";
  if (new Set(points.map(String)).size < points.length) return "twice";
  const count = points.length;
  for (let i = 0; i < count; i += 1) {
    for (let j = i + 1; j < count; j += 1) {
      const apart = (j - i) % count;
      if (apart > 1 && apart < count - 1 && meet(points, i, j)) return "crosses";
    }
  }
  return Math.abs(area(points)) < 1e-6 ? "flat" : null;
}

export function area(points: readonly Point[]): number {
  let twice = 0;
  points.forEach(([x, y], index) => {
    const next = points[(index + 1) % points.length] as Point;
    twice += x * next[1] - next[0] * y;
  });
  return twice / 2;
}

/** Where a name stands: the mean of the points, which is inside of most shapes that people draw. */
export function middle(points: readonly Point[]): Point {
  const sum = points.reduce<Point>((all, [x, y]) => [all[0] + x, all[1] + y], [0, 0]);
  const count = points.length || 1;
  return [sum[0] / count, sum[1] / count];
}

function side([ax, ay]: Point, [bx, by]: Point, [x, y]: Point): number {
  const cross = (bx - ax) * (y - ay) - (by - ay) * (x - ax);
  return Math.abs(cross) <= 1e-12 ? 0 : Math.sign(cross);
}

function on(a: Point, b: Point, point: Point): boolean {
  return (
    side(a, b, point) === 0 &&
    Math.min(a[0], b[0]) <= point[0] &&
    point[0] <= Math.max(a[0], b[0]) &&
    Math.min(a[1], b[1]) <= point[1] &&
    point[1] <= Math.max(a[1], b[1])
  );
}

/** Whether the edges that begin at two points cross or touch. */
function meet(points: readonly Point[], i: number, j: number): boolean {
  const at = (index: number) => points[index % points.length] as Point;
  const [a, b, c, d] = [at(i), at(i + 1), at(j), at(j + 1)];
  if (side(a, b, c) * side(a, b, d) < 0 && side(c, d, a) * side(c, d, b) < 0) return true;
  return on(a, b, c) || on(a, b, d) || on(c, d, a) || on(c, d, b);
}
