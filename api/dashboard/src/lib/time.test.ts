import { describe, expect, it } from "vitest";
import { fromField, running, shownTime, span, toField } from "@/lib/time";

const AT = Date.parse("2026-11-28T22:30:05Z");

describe("shownTime", () => {
  it("tells the site's clock, and the analyst's beside it", () => {
    const shown = shownTime(AT, AT + 60_000, "Europe/Berlin", "America/New_York", "en-GB");
    expect(shown).toEqual({ text: "23:30:05", own: "17:30:05" });
  });
  it("says nothing twice where both clocks agree", () => {
    expect(shownTime(AT, AT, "Europe/Berlin", "Europe/Paris", "en-GB").own).toBeNull();
  });
  it("names the day where it is not today's there, each by its own calendar", () => {
    // An hour later it is the 29th in Berlin, and still the 28th in New York.
    const shown = shownTime(AT, AT + 3_600_000, "Europe/Berlin", "America/New_York", "en-GB");
    expect(shown.text).toMatch(/^Sat,? 28 Nov 23:30:05$/);
    expect(shown.own).toBe("17:30:05");
  });
  it("tells the year where it may be another one's day", () => {
    const after = shownTime(AT, AT + 190 * 86_400_000, "Europe/Berlin", "Europe/Paris", "en-GB");
    expect(after.text).toMatch(/^28 Nov 2026,? (at )?23:30:05/);
    expect(after.own).toBeNull();
    const before = shownTime(AT, AT - 190 * 86_400_000, "Asia/Tokyo", "Europe/Paris", "en-GB");
    expect(before.text).toMatch(/^29 Nov 2026,? (at )?07:30:05/);
    expect(before.own).toMatch(/^28 Nov 2026,? (at )?23:30:05/);
  });
  it("falls back to UTC for a zone that nobody knows", () => {
    expect(shownTime(AT, AT, "Mars/Base", "UTC", "en-GB").text).toContain("22:30:05");
  });
});

describe("a field", () => {
  const at = (text: string) => Date.parse(text);
  it.each([
    ["2026-11-28T22:30:05Z", "Europe/Berlin", "2026-11-28T23:30"],
    ["2026-11-28T22:30:05Z", "Asia/Tokyo", "2026-11-29T07:30"],
    ["2026-11-28T22:30:05Z", "Asia/Kolkata", "2026-11-29T04:00"],
    ["2026-07-01T00:00:00Z", "America/New_York", "2026-06-30T20:00"],
    ["2026-11-28T00:00:00Z", "UTC", "2026-11-28T00:00"],
  ])("%s in %s is %s, and back", (moment, zone, text) => {
    expect(toField(at(moment), zone)).toBe(text);
    expect(fromField(text, zone)).toBe(Math.floor(at(moment) / 60_000) * 60_000);
  });
  it.each([
    // Clocks go forward at 01:00 UTC on 29 March, and back on 25 October.
    ["2026-03-29T01:59", "2026-03-29T00:59:00Z"],
    ["2026-03-29T02:30", "2026-03-29T01:30:00Z"], // there is no such time: 03:30
    ["2026-03-29T03:00", "2026-03-29T01:00:00Z"],
    ["2026-10-25T02:30", "2026-10-25T00:30:00Z"], // comes twice: the first
    ["2026-10-25T03:00", "2026-10-25T02:00:00Z"],
  ])("%s in Berlin is %s", (text, moment) => {
    expect(fromField(text, "Europe/Berlin")).toBe(at(moment));
  });
  it.each(["", "2026-13-01T00:00", "soon"])("%j is no time", (text) => {
    expect(fromField(text, "Europe/Berlin")).toBeNull();
  });
});

describe("span", () => {
  it.each([
    [-5, "0 s"],
    [59_999, "59 s"],
    [60_000, "1 min"],
    [3_600_000, "1 h 0 min"],
    [47 * 3_600_000, "47 h 0 min"],
    [48 * 3_600_000, "2 d"],
  ])("%d ms is %s", (ms, text) => expect(span(ms)).toBe(text));
});

describe("running", () => {
  it.each([
    [7_900, "0:07"],
    [760_000, "12:40"],
    [3_723_000, "1:02:03"],
  ])("%d ms is %s", (ms, text) => expect(running(ms)).toBe(text));
});
