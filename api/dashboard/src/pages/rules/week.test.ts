import { describe, expect, it } from "vitest";
import type { Window } from "./document";
import { covered, DAY, DAYS, hours, painted, type Stretch, stretches, WEEK, windows } from "./week";

const window = (start: string, end: string, ...days: string[]): Window => ({ days, start, end });

describe("stretches", () => {
  it.each<[string, Window[], Stretch[]]>([
    ["an hour", [window("08:00", "09:00", "mon")], [[480, 540]]],
    ["a night", [window("22:00", "06:00", "mon")], [[1320, DAY + 360]]],
    ["to midnight", [window("22:00", "24:00", "tue")], [[DAY + 1320, 2 * DAY]]],
    ["a day from noon", [window("12:00", "12:00", "mon")], [[720, DAY + 720]]],
    [
      "Sunday's night ends on Monday",
      [window("22:00", "06:00", "sun")],
      [
        [0, 360],
        [WEEK - 120, WEEK],
      ],
    ],
    [
      "two that touch",
      [window("08:00", "09:00", "mon"), window("09:00", "10:00", "mon")],
      [[480, 600]],
    ],
    ["a day that is none", [window("08:00", "09:00", "mo")], []],
  ])("of %s", (_, given, wanted) => expect(stretches(given)).toEqual(wanted));
});

describe("windows", () => {
  it("have the same times of several days as one", () =>
    expect(windows(stretches([window("18:00", "06:00", "mon", "tue", "sun")]))).toEqual([
      window("18:00", "06:00", "mon", "tue", "sun"),
    ]));
  it("of a whole week are its days", () =>
    expect(windows([[0, WEEK]])).toEqual([window("00:00", "24:00", ...DAYS)]));
  it("of nothing are none", () => expect(windows([])).toEqual([]));
  it("of more than a day are cut at midnight", () =>
    expect(windows([[720, 2 * DAY + 60]])).toEqual([
      window("12:00", "24:00", "mon"),
      window("00:00", "24:00", "tue"),
      window("00:00", "01:00", "wed"),
    ]));
  it("say what they were made of, whatever that is", () => {
    // A generator with a seed: the same cases at every run.
    let seed = 7;
    const draw = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return Math.floor((seed / 2_147_483_648) * below);
    };
    for (let turn = 0; turn < 500; turn += 1) {
      const given = Array.from({ length: draw(5) }, (): Stretch => {
        const from = draw(WEEK);
        return [from, Math.min(WEEK, from + 1 + draw(3 * DAY))];
      });
      const wanted = painted(given, [0, 0], [0, 0], draw(2) === 1);
      const said = windows(wanted);
      expect(stretches(said)).toEqual(wanted);
      for (const one of said) {
        expect(one.start).toMatch(/^([01]\d|2[0-3]):[0-5]\d$/);
        expect(one.end).toMatch(/^(([01]\d|2[0-3]):[0-5]\d|24:00)$/);
        expect(new Set(one.days).size).toBe(one.days.length);
      }
    }
  });
});

describe("the grid", () => {
  const night = stretches([window("22:10", "06:00", "mon")]);
  it("shows what is covered, and what in part", () => {
    expect(covered(night, 0, 44)).toBe("some");
    expect(covered(night, 0, 45)).toBe("all");
    expect(covered(night, 1, 11)).toBe("all");
    expect(covered(night, 1, 12)).toBe("none");
  });
  it("paints and frees rectangles, from whichever corner", () => {
    const work = painted([], [4, 33], [0, 16], true);
    expect(windows(work)).toEqual([window("08:00", "17:00", "mon", "tue", "wed", "thu", "fri")]);
    expect(hours(work)).toBe(45);
    const lunch = painted(work, [0, 24], [4, 25], false);
    expect(windows(lunch)).toHaveLength(2);
    expect(hours(lunch)).toBe(40);
  });
  it("leaves minutes alone that it does not touch", () =>
    expect(windows(painted(night, [3, 0], [3, 1], true))).toContainEqual(
      window("22:10", "06:00", "mon"),
    ));
});
