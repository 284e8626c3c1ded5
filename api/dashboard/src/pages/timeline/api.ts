/** A stretch of time, as `/v1/timeline` answers. */
import type { AlertState, Severity } from "@/api/types";

export interface Lane {
  site_id: string;
  camera_id: string | null;
  events: number[];
}

export interface Moment {
  event_id: string;
  site_id: string;
  camera_id: string | null;
  zone_id: string | null;
  device_id: string | null;
  event_type: string;
  at: string;
  severity: Severity | null;
  label: string | null;
  alert_id: string | null;
  pictures: number;
}

export interface AlertSpan {
  alert_id: string;
  site_id: string;
  camera_id: string | null;
  zone_id: string | null;
  device_id: string | null;
  event_type: string;
  severity: Severity;
  state: AlertState;
  rank: number;
  opened_at: string;
  acknowledged_at: string | null;
  resolved_at: string | null;
  resolution: string | null;
  picture: boolean;
}

export type Condition = "suspect" | "critical" | "no_frames" | "frozen_picture" | "covered_lens";

export interface ConditionSpan {
  site_id: string;
  device_id: string;
  condition: Condition;
  from: string | null;
  to: string | null;
  error: string | null;
}

export interface TimelineView {
  from: string;
  to: string;
  bucket_s: number;
  buckets: number;
  lanes: Lane[];
  lanes_complete: boolean;
  events: Moment[];
  events_complete: boolean;
  alerts: AlertSpan[];
  alerts_complete: boolean;
  spans: ConditionSpan[];
  spans_complete: boolean;
}
