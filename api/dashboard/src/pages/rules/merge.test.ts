import { describe, expect, it } from "vitest";
import { merge } from "./merge";

const zone = (id: string, more: object = {}) => ({ zone_id: id, camera_ids: ["gate"], ...more });
const site = (...zones: object[]) => ({ sites: [{ site_id: "north", zones }] });

describe("merge", () => {
  it("puts two people's zones together", () => {
    const base = site(zone("yard"), zone("dock"));
    const mine = site(zone("yard", { dwell_sec: 5 }), zone("dock"));
    const theirs = site(zone("yard"), zone("dock", { severity: "low" }), zone("3"));
    expect(merge(base, mine, theirs)).toEqual({
      document: site(zone("yard", { dwell_sec: 5 }), zone("dock", { severity: "low" }), zone("3")),
      conflicts: [],
    });
  });
  it("keeps mine where both changed the same, and says where", () => {
    const base = site(zone("yard"));
    const found = merge(
      base,
      site(zone("yard", { dwell_sec: 5, severity: "high" })),
      site(zone("yard", { dwell_sec: 9, labels: ["car"] })),
    );
    expect(found.document).toEqual(
      site(zone("yard", { dwell_sec: 5, severity: "high", labels: ["car"] })),
    );
    expect(found.conflicts).toEqual(["sites[north].zones[yard].dwell_sec"]);
  });
  it("has no conflict where both did the same", () => {
    const both = site(zone("yard", { dwell_sec: 5 }));
    expect(merge(site(zone("yard")), both, structuredClone(both)).conflicts).toEqual([]);
  });
  it("takes away what one took away", () => {
    const base = site(zone("yard"), zone("dock"));
    expect(merge(base, site(zone("yard")), base).document).toEqual(site(zone("yard")));
    expect(merge(base, base, site(zone("dock"))).document).toEqual(site(zone("dock")));
  });
  it("says so where one took away what the other changed", () => {
    const base = site(zone("yard"), zone("dock"));
    const found = merge(
      base,
      site(zone("yard")),
      site(zone("yard"), zone("dock", { dwell_sec: 1 })),
    );
    expect(found.document).toEqual(site(zone("yard")));
    expect(found.conflicts).toEqual(["sites[north].zones[dock]"]);
  });
  it("takes a list without ids as one", () => {
    const route = (matchers: string[]) => ({ route: { receiver: "soc", matchers } });
    const found = merge(route(["a"]), route(["a", "b"]), route(["c"]));
    expect(found).toEqual({ document: route(["a", "b"]), conflicts: ["route.matchers"] });
  });
});
