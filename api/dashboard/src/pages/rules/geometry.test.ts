import { describe, expect, it } from "vitest";
import type { Point } from "./document";
import {
  area,
  arrow,
  flaw,
  middle,
  movePoint,
  moveShape,
  removePoint,
  STEP,
  STRIDE,
  splitEdge,
} from "./geometry";

const SQUARE: Point[] = [
  [0.2, 0.2],
  [0.6, 0.2],
  [0.6, 0.6],
  [0.2, 0.6],
];

describe("movePoint", () => {
  it("moves one and leaves the others", () =>
    expect(movePoint(SQUARE, 1, [0.7, 0.25])).toEqual([
      [0.2, 0.2],
      [0.7, 0.25],
      [0.6, 0.6],
      [0.2, 0.6],
    ]));
  it("stays in the picture, and is rounded", () =>
    expect(movePoint(SQUARE, 0, [-3, 0.123456])[0]).toEqual([0, 0.1235]));
});

describe("moveShape", () => {
  it("keeps its form at the picture's edge", () => {
    const moved = moveShape(SQUARE, 0.9, -0.9);
    expect(moved[0]).toEqual([0.6, 0]);
    expect(Math.abs(area(moved))).toBeCloseTo(Math.abs(area(SQUARE)), 6);
  });
  it("goes as far as it is asked to inside", () =>
    expect(moveShape(SQUARE, 0.1, 0.1)[2]).toEqual([0.7, 0.7]));
});

describe("points", () => {
  it("come into the middle of an edge, the last one's too", () => {
    expect(splitEdge(SQUARE, 0)[1]).toEqual([0.4, 0.2]);
    expect(splitEdge(SQUARE, 3)).toEqual([...SQUARE, [0.2, 0.4]]);
  });
  it("are 200 at most, and three at least", () => {
    const many = Array.from({ length: 200 }, (_, n): Point => [n / 200, (n * n) / 40_000]);
    expect(splitEdge(many, 0)).toHaveLength(200);
    expect(removePoint(SQUARE, 2)).toHaveLength(3);
    expect(removePoint(SQUARE.slice(0, 3), 0)).toHaveLength(3);
  });
  it("have their name in the middle", () => {
    const [x, y] = middle(SQUARE);
    expect(x).toBeCloseTo(0.4);
    expect(y).toBeCloseTo(0.4);
  });
});

describe("arrow", () => {
  it.each([
    ["ArrowLeft", false, [-STEP, 0]],
    ["ArrowDown", false, [0, STEP]],
    ["ArrowUp", true, [0, -STRIDE]],
    ["Enter", false, null],
  ])("%s, with Shift %s", (key, far, to) => expect(arrow(key, far)).toEqual(to));
});

// The same cases as tests/unit/schemas/test_geometry.py knows: the server has the last word.
describe("flaw", () => {
  it.each<[string, Point[], string | null]>([
    ["a square", SQUARE, null],
    ["the other way round", [...SQUARE].reverse(), null],
    ["two points", SQUARE.slice(0, 2), "few"],
    ["a bow tie", [SQUARE[0], SQUARE[2], SQUARE[1], SQUARE[3]] as Point[], "crosses"],
    ["the same point twice", [...SQUARE, [0.2, 0.2]], "twice"],
    [
      "a line",
      [
        [0, 0],
        [0.5, 0.5],
        [1, 1],
      ],
      "flat",
    ],
    [
      "an edge that touches a point",
      [
        [0, 0],
        [1, 0],
        [1, 1],
        [0.5, 0],
        [0, 1],
      ],
      "crosses",
    ],
    [
      "a notch",
      [
        [0, 0],
        [1, 0],
        [1, 1],
        [0.5, 0.2],
        [0, 1],
      ],
      null,
    ],
  ])("%s", (_, points, wanted) => expect(flaw(points)).toBe(wanted));
});
