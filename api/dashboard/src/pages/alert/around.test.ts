import { describe, expect, it } from "vitest";
import { around, position, ticks } from "@/pages/alert/around";

const at = (time: string) => Date.parse(`2026-11-28T${time}Z`);
const text = (time: string) => `2026-11-28T${time}Z`;

describe("around", () => {
  it("goes a quarter of an hour to both sides", () => {
    const found = around(text("21:00:00"), text("21:10:00"), at("23:00:00"));
    expect(found).toEqual({ from: at("20:45:00"), to: at("21:25:00") });
  });
  it("ends now, and not in what nobody has seen", () => {
    expect(around(text("21:00:00"), text("21:10:00"), at("21:12:00")).to).toBe(at("21:12:00"));
  });
  it("of something that went on for days is its last day", () => {
    const found = around("2026-11-20T00:00:00Z", text("21:00:00"), at("23:00:00"));
    expect(found.to - found.from).toBe(24 * 3_600_000);
  });
});

describe("position", () => {
  const stretch = { from: 100, to: 200 };
  it.each([
    [100, 0],
    [150, 50],
    [200, 100],
    [999, 100],
    [0, 0],
  ])("%i lies at %i", (when, where) => expect(position(when, stretch)).toBe(where));
  it("is at the edge of an empty stretch", () => {
    expect(position(5, { from: 5, to: 5 })).toBe(0);
  });
});

describe("ticks", () => {
  it("are whole minutes, and few", () => {
    const found = ticks({ from: at("20:47:30"), to: at("21:27:30") });
    expect(found).toEqual([at("20:50:00"), at("21:00:00"), at("21:10:00"), at("21:20:00")]);
  });
});
