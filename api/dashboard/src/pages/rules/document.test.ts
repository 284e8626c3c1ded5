import { describe, expect, it } from "vitest";
import {
  camerasOf,
  freshId,
  type SiteDocument,
  same,
  under,
  withField,
  withNewZone,
  withoutZone,
  withShape,
  withZone,
  zonesOf,
} from "./document";

const YARD = { zone_id: "yard", camera_ids: ["gate"] };
const DOCK = { zone_id: "dock", camera_ids: ["fence"] };
const DOCUMENT: SiteDocument = {
  sites: [
    {
      site_id: "north",
      cameras: [{ camera_id: "gate", name: "Main gate" }, { camera_id: "zone-1" }],
      devices: [
        { device_id: "fence", kind: "camera" },
        { device_id: "nvr-1", kind: "nvr" },
      ],
      zones: [YARD, DOCK],
    },
  ],
};
const SITE = DOCUMENT.sites[0] as (typeof DOCUMENT.sites)[number];

describe("a site's document", () => {
  it("has cameras among its cameras and its devices", () =>
    expect(camerasOf(SITE)).toEqual([
      { id: "gate", name: "Main gate" },
      { id: "zone-1", name: "zone-1" },
      { id: "fence", name: "fence" },
    ]));
  it("has zones by camera", () => expect(zonesOf(SITE, "fence")).toEqual([DOCK]));
  it("is changed in one zone, and the others stay the same objects", () => {
    const found = withZone(DOCUMENT, "yard", (zone) => withField(zone, "dwell_sec", 5));
    expect(found.sites[0]?.zones?.[0]).toEqual({ ...YARD, dwell_sec: 5 });
    expect(found.sites[0]?.zones?.[1]).toBe(DOCK);
    expect(same(found, DOCUMENT)).toBe(false);
  });
  it("gets a zone and loses one", () => {
    const more = withNewZone(DOCUMENT, { zone_id: "new", camera_ids: ["gate"] });
    expect(more.sites[0]?.zones).toHaveLength(3);
    expect(same(withoutZone(more, "new"), DOCUMENT)).toBe(true);
  });
  it("finds ids that neither zones nor cameras have", () => expect(freshId(SITE)).toBe("zone-2"));
});

describe("a zone", () => {
  it("leaves out what is so anyway", () => {
    const changed = withField(withField(YARD, "min_confidence", 0.5), "labels", ["person"]);
    expect(changed).toEqual({ ...YARD, min_confidence: 0.5, labels: ["person"] });
    expect(withField(withField(changed, "min_confidence", 0.8), "labels", [])).toEqual(YARD);
  });
  it("has a shape on a camera, or all of its picture", () => {
    const drawn = withShape(YARD, "gate", [
      [0, 0],
      [1, 0],
      [1, 1],
    ]);
    expect(drawn.polygons?.gate).toHaveLength(3);
    expect(withShape(drawn, "gate", null)).toEqual(YARD);
  });
});

describe("problems", () => {
  it("are found at a place and below it", () => {
    const at = (...path: (string | number)[]) => ({ message: "", path, line: 0 });
    const every = [at("sites", 0, "zones", 1, "labels", 0), at("sites", 0, "zones", 10), at()];
    expect(under(every, "sites", 0, "zones", 1)).toEqual([every[0]]);
    expect(under(every)).toHaveLength(3);
  });
});

describe("same", () => {
  it.each([
    [{ a: 1, b: [1, 2] }, { b: [1, 2], a: 1 }, true],
    [{ a: 1 }, { a: 1, b: undefined }, true],
    [[1, 2], [2, 1], false],
    [[], {}, false],
    [null, {}, false],
  ])("%j and %j: %s", (one, other, wanted) => expect(same(one, other)).toBe(wanted));
});
