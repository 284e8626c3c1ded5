/** What the API answers. tests/unit/api/dashboard holds the fields to the Python side's. */

export type Severity = "critical" | "high" | "medium" | "low" | "info";
export type AlertState = "open" | "acknowledged" | "resolved";
export type Box = [x1: number, y1: number, x2: number, y2: number];

export const RESOLUTIONS = [
  "true_positive",
  "false_positive",
  "benign",
  "duplicate",
  "test",
] as const;
export type Resolution = (typeof RESOLUTIONS)[number];

export interface RankPart {
  name: string;
  points: number;
  reason: string;
}

export interface StepDone {
  step_id: string;
  by: string;
  at: string;
}

export interface AlertView {
  alert_id: string;
  site_id: string;
  state: AlertState;
  severity: Severity;
  event_type: string;
  rank: number;
  reasons: RankPart[];
  opened_at: string;
  updated_at: string;
  first_event: string;
  last_event: string;
  events: number;
  repeats: number;
  revision: number;
  site_name: string | null;
  camera_id: string | null;
  camera_name: string | null;
  zone_id: string | null;
  device_id: string | null;
  device_name: string | null;
  label: string | null;
  confidence: number | null;
  box: Box | null;
  event_ids: string[];
  snapshot: string | null;
  acknowledged_by: string | null;
  acknowledged_at: string | null;
  assigned_to: string | null;
  snoozed_until: string | null;
  escalation: number;
  resolved_at: string | null;
  resolved_by: string | null;
  resolution: string | null;
  detector_ms: number | null;
  quiet: string | null;
  incident: string | null;
  procedure: StepDone[];
  snapshot_url: string | null;
}

export interface ActivityView {
  activity_id: string;
  alert_id: string;
  site_id: string;
  kind: string;
  at: string;
  actor: string;
  cause: string;
  detail: string | null;
}

export interface StepView {
  step_id: string;
  text: string;
  done_by: string | null;
  done_at: string | null;
}

export interface ZoneProcedure {
  zone_id: string | null;
  steps: StepView[];
}

export interface ProcedureView {
  alert_id: string;
  site_id: string;
  zones: ZoneProcedure[];
}

export interface EventView {
  event_id: string;
  site_id: string;
  event_type: string;
  occurred_at: string;
  source: string;
  camera_id: string | null;
  zone_id: string | null;
  device_id: string | null;
  severity: Severity | null;
  label: string | null;
  confidence: number | null;
  vendor: string | null;
  track_id: string | null;
  first_frame: number | null;
  frame: number | null;
  box: Box | null;
  result: string | null;
  reason: string | null;
  alert_id: string | null;
  decided_at: string | null;
  stages: unknown[];
}

export interface SnapshotView {
  position: number;
  captured_at: string | null;
  width: number | null;
  height: number | null;
  url: string;
  box: Box | null;
}

export interface SiteView {
  site_id: string;
  name: string;
  timezone: string;
  enabled: boolean;
  notifications_enabled: boolean;
  cameras: number;
  zones: number;
  revision: number;
}

export interface CameraView {
  site_id: string;
  camera_id: string;
  name: string;
  nvr_id: string | null;
  zone_ids: string[];
  captured: boolean;
  detect_fps: number;
  state: string | null;
  heard_at: string | null;
  last_frame_at: string | null;
  gap_s: number | null;
  error: string | null;
  frames: number;
  sent: number;
  width: number;
  height: number;
  fps: number;
}

export interface ScheduleView {
  timezone: string;
  windows: { days: string[]; start: string; end: string }[];
}

export interface ZoneView {
  zone_id: string;
  site_id: string;
  camera_ids: string[];
  severity: Severity;
  active_schedule: ScheduleView;
  alert_destinations: string[];
  suppression_window_sec: number;
  dedupe_window_sec: number;
  polygons: Record<string, [number, number][]>;
  labels: string[];
  min_confidence: number;
  dwell_sec: number;
}

export interface OutcomeView {
  alert_id: string | null;
  site_id: string;
  outcome: "applied" | "refused";
  kind: string;
  detail: string | null;
}

export interface CommandTaken {
  command_id: string;
  alert_id: string | null;
  site_id: string | null;
  location: string;
  done: boolean;
  outcomes: OutcomeView[];
}

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

export type Role = "viewer" | "operator" | "admin";
export type Scope =
  | "alerts:read"
  | "alerts:act"
  | "events:read"
  | "events:write"
  | "media:read"
  | "devices:read"
  | "devices:write"
  | "config:read"
  | "config:write"
  | "backtests:run"
  | "exports:read"
  | "notify:write"
  | "users:admin"
  | "tokens:admin"
  | "audit:read"
  | "metrics:read";

export interface Me {
  user_id: string;
  name: string;
  role: Role;
  scopes: Scope[];
  /** null: every site. */
  sites: string[] | null;
  language: string | null;
  timezone: string | null;
  totp: boolean;
  must_change_password: boolean;
}

/** What the WebSocket says (api/stream/schemas.py). */
export type PipelineState = "ok" | "late" | "blind";

export interface Reason {
  code: string;
  state: PipelineState;
  text: string;
  site_id: string | null;
  subject: string | null;
}

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
