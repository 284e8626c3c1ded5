import { describe, expect, it } from "vitest";
import type { HourLine } from "./api";
import { lately, refusal, seconds, stacked } from "./shift";

const HOUR = 3_600_000;
const NOW = Date.parse("2026-03-02T10:20:00Z");

describe("a shift", () => {
  it("ends with the hour that has begun", () => {
    expect(lately(NOW, 8)).toEqual({
      from: Date.parse("2026-03-02T03:00:00Z"),
      to: Date.parse("2026-03-02T11:00:00Z"),
    });
    const sharp = Date.parse("2026-03-02T10:00:00Z");
    expect(lately(sharp, 12).to).toBe(sharp);
  });
  it.each([
    [null, NOW, "empty"],
    [NOW, null, "empty"],
    [NOW, NOW, "order"],
    [NOW, NOW - 1, "order"],
    [NOW - 31 * 24 * HOUR - 1, NOW, "long"],
    [NOW - 31 * 24 * HOUR, NOW, null],
  ] as const)("from %s to %s: %s", (from, to, expected) =>
    expect(refusal(from, to)).toBe(expected),
  );
});

describe("stacked bars", () => {
  it("are drawn one over the other, the whole first", () => {
    const hour = (fields: Partial<HourLine>): HourLine => ({
      from: "2026-03-02T10:00:00Z",
      opened: 0,
      critical: 0,
      high: 0,
      medium: 0,
      low: 0,
      info: 0,
      ...fields,
    });
    const [times, ...series] = stacked([hour({ critical: 1, high: 2, info: 4 }), hour({})]);
    expect(times).toEqual([Date.parse("2026-03-02T10:00:00Z") / 1000, expect.any(Number)]);
    expect(series.map((one) => one[0])).toEqual([7, 6, 4, 4, 4]);
    expect(series.map((one) => one[1])).toEqual([0, 0, 0, 0, 0]);
  });
});

it.each([
  [null, "–"],
  [0, "0 s"],
  [3.06, "3.1 s"],
  [31.5, "32 s"],
  [89, "89 s"],
  [90, "2 min"],
  [3600, "60 min"],
  [7260, "2 h 1 min"],
  [3 * 86_400, "3 d"],
] as const)("%s seconds are %s", (value, text) => expect(seconds(value)).toBe(text));
