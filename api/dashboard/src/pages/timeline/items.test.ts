import { describe, expect, it } from "vitest";
import type { CameraView } from "@/api/types";
import type { AlertSpan, Moment, TimelineView } from "./api";
import { bars, items, lanes, step } from "./items";

const VIEW: TimelineView = {
  from: "2026-03-02T09:00:00Z",
  to: "2026-03-02T10:00:00Z",
  bucket_s: 30,
  buckets: 120,
  lanes: [
    { site_id: "north", camera_id: "gate", events: [0, 2, 1] },
    { site_id: "north", camera_id: null, events: [1] },
  ],
  lanes_complete: true,
  events: [moment("e1", "2026-03-02T09:30:00Z"), moment("e2", "2026-03-02T09:10:00Z")],
  events_complete: true,
  alerts: [alert("a1", "2026-03-02T09:30:00Z")],
  alerts_complete: true,
  spans: [
    {
      site_id: "north",
      device_id: "fence",
      condition: "no_frames",
      from: null,
      to: "2026-03-02T09:05:00Z",
      error: null,
    },
  ],
  spans_complete: true,
};

function moment(id: string, at: string, fields: Partial<Moment> = {}): Moment {
  return {
    event_id: id,
    site_id: "north",
    camera_id: "gate",
    zone_id: null,
    device_id: null,
    event_type: "intrusion",
    at,
    severity: null,
    label: "person",
    alert_id: null,
    pictures: 0,
    ...fields,
  };
}

function alert(id: string, at: string, fields: Partial<AlertSpan> = {}): AlertSpan {
  return {
    alert_id: id,
    site_id: "north",
    camera_id: "gate",
    zone_id: null,
    device_id: null,
    event_type: "intrusion",
    severity: "high",
    state: "open",
    rank: 50,
    opened_at: at,
    acknowledged_at: null,
    resolved_at: null,
    resolution: null,
    picture: true,
    ...fields,
  };
}

describe("the list", () => {
  const found = items(VIEW);
  it("has everything, the newest first, and what began before last", () => {
    expect(found.map((item) => item.id)).toEqual([
      "alert a1",
      "event e1",
      "event e2",
      "condition north/fence no_frames  2026-03-02T09:05:00Z",
    ]);
  });
  it("knows where pictures are", () => {
    expect(found[0]?.picture).toBe("/v1/alerts/a1/snapshot");
    expect(found[1]?.picture).toBeNull();
    const [shown] = items({
      ...VIEW,
      alerts: [],
      events: [moment("a/b", VIEW.from, { pictures: 7 })],
    });
    expect(shown?.picture).toBe("/v1/events/a%2Fb/snapshots/0");
  });
  it("is walked through by time, and stops at its ends", () => {
    expect(step(found, null, 1)?.id).toBe("alert a1");
    expect(step(found, "event e1", -1)?.id).toBe("event e2");
    expect(step(found, "event e2", 1)?.id).toBe("event e1");
    expect(step(found, "alert a1", 1)?.id).toBe("alert a1");
    expect(step([], null, 1)).toBeNull();
  });
});

describe("lanes", () => {
  const cameras = new Map([["north/gate", { name: "Main gate" } as CameraView]]);
  const found = lanes(VIEW, items(VIEW), cameras, false);
  it("are of all that has something, those without a camera last", () => {
    expect(found.map((lane) => [lane.key, lane.name, lane.total])).toEqual([
      ["north/fence", "fence", 0],
      ["north/gate", "Main gate", 3],
      ["north/", "–", 1],
    ]);
  });
  it("hold what is theirs", () => {
    const gate = found[1];
    expect(gate?.alerts).toHaveLength(1);
    expect(gate?.moments).toHaveLength(2);
    expect(found[0]?.conditions).toHaveLength(1);
  });
  it("say which site, where there are several", () => {
    expect(lanes(VIEW, items(VIEW), cameras, true)[1]?.name).toBe("north · Main gate");
  });
});

describe("bars", () => {
  it("are one path, a bar a bucket with events", () => {
    expect(bars([0, 4, 1], 4, 1, 0, 4000)).toBe("M0.25 1V0H0.475V1ZM0.5 1V0.5H0.725V1Z");
  });
  it("are never too low to be seen, nor outside", () => {
    expect(bars([1], 1_000_000, 9, 0, 1000)).toBe("M0 1V0.92H1V1Z");
    expect(bars([0, 0], 0, 1, 0, 2000)).toBe("");
  });
});
