import { describe, expect, it } from "vitest";
import { withOptional } from "./document";
import { added, moved, pathOf, receiverOf, removed, routeAt, rows, withRoute } from "./routes";

const TREE = {
  receiver: "soc",
  routes: [
    { matchers: ['zone="a"'], routes: [{ receiver: "night" }, {}] },
    { matchers: ['zone="b"'] },
  ],
};

describe("the route tree", () => {
  it("is shown from top to bottom", () =>
    expect(rows(TREE).map((one) => [one.place, one.depth, one.position, one.siblings])).toEqual([
      [[], 0, 1, 1],
      [[0], 1, 1, 2],
      [[0, 0], 2, 1, 2],
      [[0, 1], 2, 2, 2],
      [[1], 1, 2, 2],
    ]));
  it("is found and changed by place, and the rest stays the same objects", () => {
    const found = withRoute(TREE, [0, 0], (route) => ({ ...route, continue: true }));
    expect(routeAt(found, [0, 0])).toEqual({ receiver: "night", continue: true });
    expect(routeAt(found, [1])).toBe(TREE.routes[1]);
    expect(routeAt(found, [4, 2])).toBeNull();
  });
  it("grows and shrinks", () => {
    const [more, place] = added(TREE, [1], { receiver: "x" });
    expect(place).toEqual([1, 0]);
    expect(routeAt(more, place)).toEqual({ receiver: "x" });
    expect(removed(more, place)).toEqual(TREE);
    expect(removed(TREE, [])).toBe(TREE);
  });
  it("is tried in order, so order can be changed", () => {
    const [found, place] = moved(TREE, [0], 1);
    expect(place).toEqual([1]);
    expect(routeAt(found, [0])).toBe(TREE.routes[1]);
    expect(moved(TREE, [1], 1)).toEqual([TREE, [1]]);
    expect(moved(TREE, [], -1)).toEqual([TREE, []]);
  });
  it("inherits receivers", () => {
    expect(receiverOf(TREE, [0, 0])).toBe("night");
    expect(receiverOf(TREE, [0, 1])).toBe("soc");
    expect(receiverOf({}, [0])).toBeNull();
  });
  it("has its problems at its paths", () =>
    expect(pathOf([0, 1])).toEqual(["route", "routes", 0, "routes", 1]));
  it("leaves out what is empty", () => {
    expect(withOptional({ receiver: "a" }, "receiver", "")).toEqual({});
    expect(withOptional({}, "continue", true)).toEqual({ continue: true });
    expect(withOptional({ continue: true }, "continue", false)).toEqual({});
  });
});
