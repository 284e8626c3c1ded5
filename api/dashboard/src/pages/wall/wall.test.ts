import { describe, expect, it } from "vitest";
import type { CameraView } from "@/api/types";
import { alert } from "@/testing";
import { rings } from "@/ui/rings";
import { freshness, type NewestPicture, seenAt, tiles } from "./wall";

function camera(id: string, fields: Partial<CameraView> = {}): CameraView {
  return {
    site_id: "north",
    camera_id: id,
    name: id,
    nvr_id: null,
    zone_ids: [],
    captured: true,
    detect_fps: 5,
    state: "connected",
    heard_at: null,
    last_frame_at: null,
    gap_s: null,
    error: null,
    frames: 0,
    sent: 0,
    width: 0,
    height: 0,
    fps: 0,
    ...fields,
  };
}

describe("rings", () => {
  it("are of the worst alert that is not resolved, by rank where equal", () => {
    const found = rings([
      alert("a", { severity: "medium", rank: 90 }),
      alert("b", { severity: "critical", rank: 10 }),
      alert("c", { severity: "critical", rank: 40 }),
      alert("d", { severity: "critical", rank: 99, state: "resolved" }),
      alert("e", { camera_id: "fence", severity: "low" }),
      alert("f", { camera_id: null, severity: "critical" }),
      alert("g", { site_id: "south", severity: "info", rank: 1 }),
    ]);
    expect(found.get("north/gate")).toEqual({
      alertId: "c",
      severity: "critical",
      rank: 40,
      count: 3,
    });
    expect(found.get("north/fence")?.count).toBe(1);
    expect(found.get("south/gate")?.alertId).toBe("g");
    expect(found.size).toBe(3);
  });
});

describe("tiles", () => {
  const cameras = [
    camera("gate"),
    camera("dock"),
    camera("wall", { captured: false }),
    camera("gate", { site_id: "east" }),
    camera("fence"),
  ];
  const ringed = rings([
    alert("a", { camera_id: "gate", severity: "low" }),
    alert("b", { camera_id: "fence", severity: "high" }),
  ]);
  const keys = (site: string, first: boolean) =>
    tiles(cameras, ringed, site, first).map((tile) => tile.key);
  it("are by site and id, and only of cameras that are captured", () => {
    expect(keys("", false)).toEqual(["east/gate", "north/dock", "north/fence", "north/gate"]);
  });
  it("begin with the worst alerts where that is wanted", () => {
    expect(keys("", true)).toEqual(["north/fence", "north/gate", "east/gate", "north/dock"]);
  });
  it("are of the site that is looked at", () => {
    expect(keys("east", true)).toEqual(["east/gate"]);
  });
});

describe("how old a picture is", () => {
  const picture: NewestPicture = {
    site_id: "north",
    camera_id: "gate",
    tag: "1",
    captured_at: "2020-01-01T00:00:00Z",
    received_at: "2026-11-28T21:00:00Z",
    live: true,
    age_s: 1,
    width: 640,
    height: 360,
    location: "",
  };
  it("counts from when it was seen, and for a file from when it was sent", () => {
    expect(seenAt(picture)).toBe(Date.parse("2020-01-01T00:00:00Z"));
    expect(seenAt({ ...picture, live: false })).toBe(Date.parse("2026-11-28T21:00:00Z"));
  });
  it.each([
    [null, "none"],
    [70_000, "fresh"],
    [69_999, "old"],
    [110_000, "fresh"], // the camera's machine is ahead
  ] as const)("%s is %s", (seen, expected) => expect(freshness(seen, 100_000)).toBe(expected));
});
