import { describe, expect, it } from "vitest";
import { worth } from "@/shell/attention";
import { alert } from "@/testing";

describe("worth", () => {
  it.each([
    [alert("a", { severity: "high" }), true],
    [alert("a", { severity: "critical" }), true],
    [alert("a", { severity: "medium" }), false],
    [alert("a", { severity: "high", quiet: "snoozed" }), false], // nobody else is told either
    [alert("a", { severity: "high", state: "acknowledged" }), false], // somebody has it already
  ])("%o", (one, told) => expect(worth([one], "high")).toHaveLength(told ? 1 : 0));
});
