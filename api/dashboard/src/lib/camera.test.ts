import { describe, expect, it } from "vitest";
import type { CameraView } from "@/api/types";
import { cameraWord } from "@/lib/camera";

const NOW = Date.parse("2026-11-28T22:00:00Z");
const at = (seconds: number) => new Date(NOW - seconds * 1000).toISOString();
const camera = (fields: Partial<CameraView>): CameraView => ({
  site_id: "north",
  camera_id: "gate",
  name: "Gate",
  nvr_id: null,
  zone_ids: [],
  captured: true,
  detect_fps: 5,
  state: "connected",
  heard_at: at(2),
  last_frame_at: at(3),
  gap_s: null,
  error: null,
  frames: 0,
  sent: 0,
  width: 0,
  height: 0,
  fps: 0,
  ...fields,
});

describe("cameraWord", () => {
  it.each<[Partial<CameraView>, string, string]>([
    [{}, "good", "connected"],
    [{ captured: false, state: null }, "idle", "idle"],
    [{ state: null, heard_at: null }, "bad", "unheard"],
    [{ heard_at: at(31), last_frame_at: at(31) }, "bad", "silent"], // it said that all was well
    [{ heard_at: at(2), last_frame_at: at(8) }, "good", "stale"],
    [{ state: "lost" }, "bad", "lost"],
    [{ state: "lost", last_frame_at: null }, "bad", "noFrame"],
    [{ state: "ended" }, "bad", "ended"],
    [{ state: "connecting" }, "idle", "other"],
  ])("%j is %s: %s", (fields, health, word) => {
    expect(cameraWord(camera(fields), NOW)).toMatchObject({ health, word });
  });
});
