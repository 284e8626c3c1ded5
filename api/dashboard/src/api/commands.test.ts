import { describe, expect, it } from "vitest";
import { requestOf } from "@/api/commands";

describe("requestOf", () => {
  it("asks one alert at its own address", () => {
    expect(requestOf(["a/b"], { kind: "ack" })).toEqual({
      path: "/v1/alerts/a%2Fb/commands",
      body: { kind: "ack" },
    });
  });
  it("asks many at once", () => {
    expect(requestOf(["a", "b"], { kind: "snooze", for: "30m" })).toEqual({
      path: "/v1/alerts/commands",
      body: { kind: "snooze", for: "30m", alert_ids: ["a", "b"] },
    });
  });
  it("keeps the ids that a merge is about apart from whom it asks", () => {
    expect(requestOf(["lead"], { kind: "merge", alert_ids: ["x"] }).body).toEqual({
      kind: "merge",
      alert_ids: ["x"],
    });
  });
});
