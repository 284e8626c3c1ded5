import { describe, expect, it } from "vitest";
import type { PlacesView, PlaceView, PlanView } from "./api";
import { bearings, bounds, EARTH, earthWedge, onPlan, planWedge, sheets } from "./geometry";

function place(fields: Partial<PlaceView> = {}): PlaceView {
  return {
    site_id: "north",
    device_id: "gate",
    kind: "camera",
    name: "Gate",
    position: { lat: 50, lon: 10 },
    floor_plan: { plan: "ground", x: 0.5, y: 0.25 },
    heading_deg: 90,
    fov_deg: 60,
    range_m: 10,
    ...fields,
  };
}

const PLAN: PlanView = {
  site_id: "north",
  plan_id: "ground",
  name: "Ground",
  width_m: 100,
  north_deg: 0,
  image: {
    location: "",
    content_type: "image/png",
    width: 800,
    height: 400,
    sha256: "",
    at: "",
  },
};

const round = (points: [number, number][] | null) =>
  points?.map(([a, b]) => [Math.round(a), Math.round(b)]);

it("bearings go from one edge to the other", () => {
  expect(bearings({ heading: 0, fov: 12 })).toEqual([-6, 0, 6]);
  const wide = bearings({ heading: 350, fov: 90 });
  expect(wide[0]).toBe(305);
  expect(wide.at(-1)).toBe(395);
});

describe("on a plan", () => {
  it("shares are from the top left, and Leaflet's y goes upwards", () => {
    expect(onPlan(place(), PLAN)).toEqual([300, 400]);
  });
  it("a wedge begins at the camera and is as long as its range, to scale", () => {
    const found = round(planWedge(place({ heading_deg: 90, fov_deg: 0.001 }), PLAN));
    expect(found).toEqual([
      [300, 400],
      [300, 480],
      [300, 480],
    ]);
  });
  it("north may be anywhere", () => {
    // North is to the right: a camera that looks north looks to the right.
    const plan = { ...PLAN, north_deg: 90 };
    const found = round(planWedge(place({ heading_deg: 0, fov_deg: 0.001 }), plan));
    expect(found?.[1]).toEqual([300, 480]);
  });
  it("without a scale it is a share of the plan", () => {
    const found = planWedge(place({ heading_deg: 0 }), { ...PLAN, width_m: null });
    const [y = 0, x = 0] = found?.[1] ?? [];
    expect(Math.hypot(y - 300, x - 400)).toBeCloseTo(64);
  });
  it("who sees all around has a circle and no corner", () => {
    const found = planWedge(place({ fov_deg: 360 }), PLAN) ?? [];
    expect(found.every(([y, x]) => Math.abs(Math.hypot(y - 300, x - 400) - 80) < 1e-6)).toBe(true);
  });
  it("who does not say where it looks has none", () => {
    expect(planWedge(place({ heading_deg: null }), PLAN)).toBeNull();
    expect(planWedge(place({ floor_plan: null }), PLAN)).toBeNull();
  });
});

describe("on earth", () => {
  it("ten metres to the east are ten metres", () => {
    const found = earthWedge(place({ heading_deg: 90, fov_deg: 0.001 }));
    const [lat = 0, lon = 0] = found?.[1] ?? [];
    const metres = (lon - 10) * Math.cos((50 * Math.PI) / 180) * 111_195;
    expect(metres).toBeCloseTo(10, 1);
    expect(lat).toBeCloseTo(50, 5);
  });
  it("north is up", () => {
    const found = earthWedge(place({ heading_deg: 0, fov_deg: 0.001, range_m: 1000 }));
    const [lat = 0, lon = 0] = found?.[1] ?? [];
    expect((lat - 50) * 111_195).toBeCloseTo(1000, 0);
    expect(lon).toBeCloseTo(10, 5);
  });
});

describe("sheets", () => {
  const view: PlacesView = {
    plans: [PLAN, { ...PLAN, plan_id: "roof" }, { ...PLAN, site_id: "south" }],
    places: [
      place(),
      place({ device_id: "nvr", position: null }),
      place({ device_id: "x", floor_plan: null }),
    ],
    without: 0,
    tiles: null,
  };
  it("are the earth and each plan, with what is there", () => {
    expect(sheets(view).map((one) => [one.key, one.places.map((it) => it.device_id)])).toEqual([
      [EARTH, ["gate", "x"]],
      ["north/ground", ["gate", "nvr"]],
      ["north/roof", []],
      ["south/ground", []],
    ]);
  });
  it("leave the earth out where nothing has a position", () => {
    const places = view.places.map((one) => ({ ...one, position: null }));
    expect(sheets({ ...view, places }).map((one) => one.key)).toEqual([
      "north/ground",
      "north/roof",
      "south/ground",
    ]);
  });
});

it("bounds hold everything", () => {
  expect(
    bounds([
      [1, 5],
      [3, -2],
      [2, 9],
    ]),
  ).toEqual([
    [1, -2],
    [3, 9],
  ]);
  expect(bounds([])).toBeNull();
});
