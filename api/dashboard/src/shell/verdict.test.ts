import { describe, expect, it } from "vitest";
import type { Reason } from "@/api/types";
import { verdict } from "@/shell/verdict";

const why: Reason = { code: "x", state: "blind", text: "no camera", site_id: null, subject: null };
const ok = { state: "ok" as const, reasons: [] };

describe("verdict", () => {
  it.each([
    ["connecting" as const, null, "blind", "connecting"],
    ["lost" as const, ok, "blind", "lost"], // the last word was good, and is old
    ["live" as const, null, "blind", "unknown"],
    ["live" as const, { state: "late" as const, reasons: [why] }, "late", "late"],
    ["live" as const, ok, "ok", null],
  ])("%s with %j is %s", (connection, pipeline, kind, title) => {
    expect(verdict(connection, pipeline, true, false)).toMatchObject({ kind, title });
  });
  it("is late where the database did not help, though the pipeline sees", () => {
    expect(verdict("live", ok, false, false)).toMatchObject({ kind: "late", title: "recent" });
  });
  it("says that everything was read again", () => {
    expect(verdict("live", ok, true, true).title).toBe("behind");
  });
  it("keeps the pipeline's reasons above the database's", () => {
    const found = verdict("live", { state: "blind", reasons: [why] }, false, true);
    expect(found).toEqual({
      kind: "blind",
      title: "blind",
      reasons: ["no camera"],
      history: false,
    });
  });
});
