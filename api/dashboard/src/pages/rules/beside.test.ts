import { describe, expect, it } from "vitest";
import {
  freshSilence,
  isoOf,
  lasting,
  lasts,
  phaseOf,
  type Silence,
  withEntry,
  withNew,
  without,
  withoutOver,
} from "./beside";
import { type RoutingDocument, withOptional } from "./document";

const NOW = Date.parse("2026-11-28T21:00:30Z");
const OLD: Silence = {
  silence_id: "silence-1",
  matchers: ['site="north"'],
  starts_at: "2026-11-01T00:00:00Z",
  ends_at: "2026-11-02T00:00:00Z",
};
const DOCUMENT: RoutingDocument = { route: { receiver: "desk" }, silences: [OLD] };

describe("what stands beside the route tree", () => {
  it("begins a silence with this minute, under an id that is free", () =>
    expect(freshSilence(DOCUMENT, "anna", NOW)).toEqual({
      silence_id: "silence-2",
      matchers: [],
      starts_at: "2026-11-28T21:00:00Z",
      ends_at: "2026-11-28T22:00:00Z",
      created_by: "anna",
    }));
  it("has a silence last as long as is said", () => {
    const day = lasting(OLD, 168);
    expect(day.ends_at).toBe("2026-11-08T00:00:00Z");
    expect([lasts(day, 168), lasts(day, 24), lasts(OLD, 24)]).toEqual([true, false, true]);
  });
  it("knows which silences are over: at their end they are", () =>
    expect(
      ["2026-10-31T00:00:00Z", OLD.starts_at, "2026-11-01T23:59:59Z", OLD.ends_at].map((at) =>
        phaseOf(OLD, Date.parse(at)),
      ),
    ).toEqual(["ahead", "running", "running", "over"]));
  it("adds, changes and takes away, and leaves no empty list", () => {
    const more = withNew(DOCUMENT, "inhibit", { source: ["a"], target: ["b"] });
    expect(more).toEqual({ ...DOCUMENT, inhibit: [{ source: ["a"], target: ["b"] }] });
    const changed = withEntry(more, "silences", 0, { ...OLD, comment: "wall" });
    expect(changed.silences).toEqual([{ ...OLD, comment: "wall" }]);
    expect(changed.inhibit).toBe(more.inhibit);
    expect(without(more, "inhibit", 0)).toEqual(DOCUMENT);
  });
  it("takes away what is over, and that alone", () => {
    const running = { ...OLD, silence_id: "now", ends_at: "2026-11-29T00:00:00Z" };
    const both = withNew(DOCUMENT, "silences", running);
    expect(withoutOver(both, NOW).silences).toEqual([running]);
    expect(withoutOver(DOCUMENT, NOW)).toEqual({ route: { receiver: "desk" } });
  });
  it("leaves a field out that says nothing", () => {
    expect(withOptional(OLD, "comment", "wall").comment).toBe("wall");
    expect(withOptional({ ...OLD, comment: "wall" }, "comment", "")).toEqual(OLD);
  });
  it("writes a moment as documents have it", () => expect(isoOf(NOW)).toBe("2026-11-28T21:00:30Z"));
});
