import { describe, expect, it } from "vitest";
import { type Asked, checklist, progress } from "@/pages/alert/steps";

const step = (step_id: string) => ({
  step_id,
  text: `Do ${step_id}.`,
  done_by: null,
  done_at: null,
});
const ZONES = [
  { zone_id: "yard", steps: [step("a"), step("b")] },
  { zone_id: null, steps: [step("c")] },
];
const did = (step_id: string, by: string, at: string) => ({ step_id, by, at });
const ALERT = {
  revision: 7,
  procedure: [
    did("gone", "ana", "2026-03-02T10:09:00Z"),
    did("c", "ana", "2026-03-02T10:05:00Z"),
    did("a", "kim", "2026-03-02T10:01:00+00:00"),
  ],
};
const none = new Map<string, Asked>();
const boxes = (asked: ReadonlyMap<string, Asked>, revision = 7) =>
  checklist(ZONES, { ...ALERT, revision }, asked)
    .flatMap((zone) => zone.lines)
    .map((line) => [line.step_id, line.checked, line.waiting]);

describe("checklist", () => {
  it("has each zone's steps in the document's order, and who did which", () => {
    const [yard, devices] = checklist(ZONES, ALERT, none);
    expect(yard?.lines.map((line) => [line.text, line.done?.by ?? null])).toEqual([
      ["Do a.", "kim"],
      ["Do b.", null],
    ]);
    expect(devices?.zone_id).toBeNull();
    expect(devices?.lines[0]?.done?.by).toBe("ana");
  });
  it("shows at once what was asked here", () => {
    const asked = new Map<string, Asked>([
      ["b", { done: true, after: null }],
      ["c", { done: false, after: null }],
    ]);
    expect(boxes(asked)).toEqual([
      ["a", true, false],
      ["b", true, true],
      ["c", false, true],
    ]);
  });
  it("believes the alert again as soon as it is newer than the answer", () => {
    const asked = new Map<string, Asked>([["b", { done: true, after: 7 }]]);
    expect(boxes(asked, 7)[1]).toEqual(["b", true, false]);
    // Somebody took it back at the same moment: no answer outlives what is so.
    expect(boxes(asked, 8)[1]).toEqual(["b", false, false]);
  });
});

describe("progress", () => {
  it("counts, and names who did the last one of those that there are", () => {
    expect(progress(checklist(ZONES, ALERT, none))).toEqual({
      done: 2,
      count: 3,
      last: { text: "Do c.", by: "ana" },
    });
  });
  it("counts what was asked here, and gives it nobody's name yet", () => {
    const asked = new Map<string, Asked>([
      ["b", { done: true, after: null }],
      ["c", { done: false, after: null }],
    ]);
    expect(progress(checklist(ZONES, ALERT, asked))).toEqual({
      done: 2,
      count: 3,
      last: { text: "Do a.", by: "kim" },
    });
  });
  it("has nobody where nothing was done", () => {
    const fresh = { ...ALERT, procedure: [] };
    expect(progress(checklist(ZONES, fresh, none)).last).toBeNull();
  });
});
