/** A shift report, as `/v1/reports/shift` answers; api/report/README.md defines every number. */
import type { Severity } from "@/api/types";

export interface Precision {
  opened: number;
  true: number;
  false: number;
  benign: number;
  unjudged: number;
  precision: number | null;
}

export interface RuleLine extends Precision {
  site_id: string;
  zone_id: string | null;
  event_type: string;
}

export interface CameraLine extends Precision {
  site_id: string;
  camera_id: string | null;
}

export interface Totals {
  opened: number;
  acknowledged: number;
  resolved: number;
  open: number;
  events: number;
  folded: number;
  ack_p50_s: number | null;
  ack_p90_s: number | null;
  resolve_p50_s: number | null;
  resolve_p90_s: number | null;
}

export interface SeverityLine extends Totals {
  severity: Severity;
}

export type HourLine = { from: string; opened: number } & Record<Severity, number>;

export interface ChannelLine {
  channel_kind: string;
  delivered: number;
  failed: number;
}

export interface ShiftReport {
  sites: string[];
  from: string;
  to: string;
  at: string;
  total: Totals;
  precision: Precision;
  severities: SeverityLine[];
  hours: HourLine[];
  rules: RuleLine[];
  cameras: CameraLine[];
  notifications: number;
  channels: ChannelLine[];
}
