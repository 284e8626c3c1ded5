/** How a camera is, by capture's newest word about it. Pure. */
import type { CameraView } from "@/api/types";
import { span } from "@/lib/time";

export type CameraHealth = "good" | "bad" | "idle";

export interface CameraWord {
  health: CameraHealth;
  /** The name of the sentence, in the shell's messages under `camera`. */
  word:
    | "idle"
    | "unheard"
    | "ended"
    | "silent"
    | "connected"
    | "stale"
    | "lost"
    | "noFrame"
    | "other";
  ago: string;
  state: string;
}

/** A word older than this is not to be believed. */
const SILENT_MS = 30_000;
/** Capture speaks every 10 s: only a frame that was old by then is worth a word. */
const STALE_FRAME_MS = 5_000;

export function cameraWord(camera: CameraView, now: number): CameraWord {
  const heard = camera.heard_at ? Date.parse(camera.heard_at) : null;
  const frame = camera.last_frame_at ? Date.parse(camera.last_frame_at) : null;
  const ago = frame === null ? "" : span(now - frame);
  const say = (health: CameraHealth, word: CameraWord["word"], told = ago): CameraWord => ({
    health,
    word,
    ago: told,
    state: (camera.state ?? "").replaceAll("_", " "),
  });
  if (!camera.captured) return say("idle", "idle");
  if (!camera.state || heard === null) return say("bad", "unheard");
  if (camera.state === "ended") return say("bad", "ended");
  if (now - heard > SILENT_MS) return say("bad", "silent", span(now - heard));
  if (camera.state === "connected") {
    return say("good", frame !== null && heard - frame > STALE_FRAME_MS ? "stale" : "connected");
  }
  if (camera.state === "lost") return say("bad", frame === null ? "noFrame" : "lost");
  return say("idle", "other");
}
