import { describe, expect, it } from "vitest";
import { around, LONGEST_MS, offset, pan, place, SHORTEST_MS, stretch, ticks, zoom } from "./scale";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const NOW = Date.parse("2026-03-02T10:00:00Z");
const PAST = { length: HOUR, end: NOW - 2 * HOUR };
const PRESENT = { length: HOUR, end: null };

describe("a stretch", () => {
  it("ends at its end, or now", () => {
    expect(stretch(PAST, NOW)).toEqual({ from: NOW - 3 * HOUR, to: NOW - 2 * HOUR });
    expect(stretch(PRESENT, NOW)).toEqual({ from: NOW - HOUR, to: NOW });
  });
  it("is moved, and stops at the present", () => {
    expect(pan(PAST, -0.5, NOW)).toEqual({ length: HOUR, end: NOW - 2.5 * HOUR });
    expect(pan(PRESENT, -0.25, NOW)).toEqual({ length: HOUR, end: NOW - HOUR / 4 });
    expect(pan(PAST, 9, NOW)).toEqual(PRESENT);
  });
  it("is zoomed around what is pointed at", () => {
    expect(zoom(PAST, 0.5, 0.5, NOW)).toEqual({ length: HOUR / 2, end: NOW - 2.25 * HOUR });
    expect(zoom(PAST, 0.5, 0, NOW)).toEqual({ length: HOUR / 2, end: NOW - 2.5 * HOUR });
    expect(zoom(PRESENT, 0.5, 1, NOW)).toEqual({ length: HOUR / 2, end: null });
    expect(zoom(PAST, 100, 0.5, NOW)).toEqual({ length: 100 * HOUR, end: null });
  });
  it("is neither too short nor too long", () => {
    expect(zoom(PAST, 1e-9, 0.5, NOW).length).toBe(SHORTEST_MS);
    expect(zoom(PAST, 1e9, 0.5, NOW).length).toBe(LONGEST_MS);
  });
  it("can be put around a moment", () => {
    expect(around(PRESENT, NOW - 5 * HOUR, NOW)).toEqual({ length: HOUR, end: NOW - 4.5 * HOUR });
    expect(around(PRESENT, NOW, NOW)).toEqual(PRESENT);
  });
});

it("a moment has a place in it", () => {
  const shown = stretch(PAST, NOW);
  expect(place(shown.from, shown)).toBe(0);
  expect(place(shown.from + HOUR / 4, shown)).toBe(0.25);
  expect(place(shown.to, shown)).toBe(1);
});

describe("marks", () => {
  const iso = (from: string, to: string, zone: string, most = 8) =>
    ticks({ from: Date.parse(from), to: Date.parse(to) }, zone, most).map((at) =>
      new Date(at).toISOString().slice(5, 16),
    );
  it("are whole hours", () => {
    expect(iso("2026-03-02T07:40:00Z", "2026-03-02T11:20:00Z", "UTC", 4)).toEqual([
      "03-02T08:00",
      "03-02T09:00",
      "03-02T10:00",
      "03-02T11:00",
    ]);
  });
  it("are midnights by the zone's clock", () => {
    expect(iso("2026-03-01T12:00:00Z", "2026-03-04T12:00:00Z", "Asia/Kolkata", 3)).toEqual([
      "03-01T18:30",
      "03-02T18:30",
      "03-03T18:30",
    ]);
  });
  it("are never too many", () => {
    for (let length = MINUTE; length < LONGEST_MS; length *= 1.7) {
      const found = ticks({ from: NOW - length, to: NOW }, "Europe/Berlin", 8);
      expect(found.length).toBeLessThanOrEqual(9);
      expect(found.length).toBeGreaterThan(0);
    }
  });
});

it.each([
  ["UTC", 0],
  ["Europe/Berlin", 1],
  ["Asia/Kolkata", 5.5],
  ["America/New_York", -5],
])("%s is %f hours ahead", (zone, hours) => expect(offset(NOW, zone)).toBe(hours * HOUR));
