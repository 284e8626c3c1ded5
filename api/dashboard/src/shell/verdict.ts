/** What the banner says. Pure. */
import type { PipelineState, Reason } from "@/api/types";
import type { Connection } from "@/stream/stream";

export interface Verdict {
  kind: PipelineState;
  /** The name of the sentence; null where all is well. */
  title: "connecting" | "lost" | "unknown" | "blind" | "late" | "recent" | "behind" | null;
  reasons: readonly string[];
  history: boolean;
}

/** The worst that is true. reloaded: what was missed was too old, and everything was read again. */
export function verdict(
  connection: Connection,
  pipeline: { state: PipelineState; reasons: readonly Reason[] } | null,
  history: boolean,
  reloaded: boolean,
): Verdict {
  const silent = { reasons: [], history: true };
  if (connection !== "live") return { kind: "blind", title: connection, ...silent };
  if (!pipeline) return { kind: "blind", title: "unknown", ...silent };
  const reasons = pipeline.reasons.map((reason) => reason.text);
  if (pipeline.state !== "ok") {
    return { kind: pipeline.state, title: pipeline.state, reasons, history };
  }
  if (!history) return { kind: "late", title: "recent", reasons, history };
  if (reloaded) return { kind: "late", title: "behind", reasons, history };
  return { kind: "ok", title: null, reasons: [], history };
}
