import { describe, expect, it } from "vitest";
import type { AlertView } from "@/api/types";
import { EVERYTHING, type Filter, select } from "@/pages/queue/filter";
import { keep, move, targets } from "@/pages/queue/select";
import { EMPTY, take } from "@/stream/queue";
import { alert } from "@/testing";

const NOW = Date.parse("2026-11-28T22:00:00Z");
const shown = (alerts: AlertView[], filter: Partial<Filter> = {}) =>
  select(take(EMPTY, alerts), { ...EVERYTHING, ...filter }, NOW).alerts.map((one) => one.alert_id);

describe("select", () => {
  const some = [
    alert("a", {
      rank: 9,
      severity: "critical",
      camera_name: "Yard East",
      event_type: "line_crossing",
    }),
    alert("b", { rank: 8, state: "acknowledged", acknowledged_by: "Kim" }),
    alert("c", { rank: 7, snoozed_until: "2026-11-28T22:00:01Z" }),
    alert("d", { rank: 6, snoozed_until: "2026-11-28T22:00:00Z" }), // it is over now
  ];
  it.each<[Partial<Filter>, string[]]>([
    [{}, ["a", "b", "d"]],
    [{ snoozed: true }, ["a", "b", "c", "d"]],
    [{ severities: ["critical"] }, ["a"]],
    [{ states: ["acknowledged"] }, ["b"]],
    [{ text: "yard EAST" }, ["a"]],
    [{ text: "east  line crossing" }, ["a"]], // each word, wherever it is
    [{ text: "east kim" }, []],
    [{ text: "kim" }, ["b"]],
  ])("%j shows %j", (filter, ids) => expect(shown(some, filter)).toEqual(ids));

  it("tells members of an incident by the alert that leads it", () => {
    const found = [
      alert("lead", { rank: 5, incident: "lead" }),
      alert("x", { rank: 9, incident: "lead" }),
      alert("y", { rank: 1, incident: "lead" }),
    ];
    const { alerts, led } = select(take(EMPTY, found), EVERYTHING, NOW);
    expect(alerts.map((one) => one.alert_id)).toEqual(["lead"]);
    expect(led.get("lead")).toBe(2);
  });
  it("shows them by themselves where the one that leads is resolved or not known", () => {
    const found = [
      alert("lead", { state: "resolved" }),
      alert("x", { incident: "lead" }),
      alert("y", { incident: "elsewhere" }),
    ];
    expect(shown(found)).toEqual(["x", "y"]);
  });
});

describe("move", () => {
  it.each<[string | null, number, string]>([
    [null, 1, "a"],
    [null, -1, "c"],
    ["a", 1, "b"],
    ["c", 1, "c"], // the end is the end
    ["a", -1, "a"],
    ["gone", 1, "a"],
    ["b", 10, "c"],
  ])("from %s by %i to %s", (from, steps, to) => {
    expect(move(["a", "b", "c"], from, steps)).toBe(to);
  });
  it("goes nowhere in an empty queue", () => expect(move([], "a", 1)).toBeNull());
});

describe("keep", () => {
  it("follows the alert wherever its rank takes it", () => {
    expect(keep(["c", "b", "a"], "a", 0)).toBe("a");
  });
  it("goes on with what took the place of a resolved one", () => {
    expect(keep(["a", "c"], "b", 1)).toBe("c");
    expect(keep(["a"], "c", 2)).toBe("a");
    expect(keep([], "a", 0)).toBeNull();
  });
  it("picks nothing by itself", () => expect(keep(["a"], null, 0)).toBeNull());
});

describe("targets", () => {
  it("are the marked ones in order, without those that are not shown", () => {
    expect(targets(["a", "b", "c"], new Set(["c", "hidden", "a"]), "b")).toEqual(["a", "c"]);
  });
  it("are the picked one where nothing that is shown is marked", () => {
    expect(targets(["a", "b"], new Set(["hidden"]), "b")).toEqual(["b"]);
    expect(targets(["a"], new Set(), "gone")).toEqual([]);
  });
});
