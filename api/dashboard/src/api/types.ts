/** What the API answers (`openapi.ts`, made from its own description), and what that does not say. */
import type { ActivityView, AlertView, CameraView, PipelineState, Reason } from "@/api/openapi";

export type {
  ActivityView,
  AlertState,
  AlertView,
  CameraView,
  CommandTaken,
  EventView,
  MeView as Me,
  OutcomeView,
  PipelineState,
  ProcedureView,
  RankPart,
  Reason,
  Role,
  SavedFilter,
  ScheduleView,
  Scope,
  Severity,
  SiteView,
  SnapshotView,
  StepDone,
  StepView,
  ZoneProcedure,
  ZoneView,
} from "@/api/openapi";

export type Box = NonNullable<AlertView["box"]>;

export const RESOLUTIONS = [
  "true_positive",
  "false_positive",
  "benign",
  "duplicate",
  "test",
] as const;
export type Resolution = (typeof RESOLUTIONS)[number];

export interface Paged<T> {
  items: T[];
  next: string | null;
}

/** RFC 9457. */
export interface ProblemDocument {
  type: string;
  title: string;
  status: number;
  detail: string;
  errors?: { field: string; detail: string }[];
}

/** What the WebSocket says (api/stream/schemas.py). */
export type StreamMessage = (
  | { type: "hello"; at: string; sites: string[]; heartbeat_s: number; resumed?: boolean }
  | { type: "reload"; reason: string }
  | { type: "alerts"; alerts: AlertView[]; complete: boolean; history: boolean }
  | { type: "alert"; alert: AlertView }
  | { type: "alert_removed"; alert_id: string }
  | { type: "activity"; activity: ActivityView }
  | { type: "cameras"; cameras: CameraView[] }
  | { type: "camera"; camera: CameraView }
  | { type: "pipeline"; state: PipelineState; reasons: Reason[]; at: string }
  | { type: "presence"; alert_id: string; names: string[] }
) & {
  /** Brought back as `?resume=` it goes on after this message. */
  resume?: string;
};
