/** Devices, as `/v1/devices` answers. */
export type Health = "critical" | "suspect" | "unknown" | "normal";

export interface DeviceView {
  site_id: string;
  device_id: string;
  kind: "nvr" | "camera" | "service";
  name: string;
  driver: string | null;
  parent: string | null;
  severity: Health;
  since: string | null;
  at: string | null;
  next_poll_at: string | null;
  overdue: boolean;
  error: string | null;
  latency_ms: number | null;
  consecutive_failures: number;
  load_shed: boolean;
  breaker: "closed" | "open" | null;
  breaker_opened_at: string | null;
  failures: number;
  last_failure_at: string | null;
  up_today: number | null;
}

export interface ProbeView {
  kind: string;
  at: string;
  ok: boolean;
  error: string | null;
  latency_ms: number | null;
  state: string | null;
  last_seen_at: string | null;
  gap_s: number | null;
  facts: Record<string, unknown>;
}

export interface DeviceDetail extends DeviceView {
  probes: ProbeView[];
  children: { device_id: string; kind: string; name: string; severity: Health }[];
}

export interface ChangeView {
  at: string;
  until: string | null;
  severity: Health;
  error: string | null;
}

export interface DayView {
  date: string;
  from: string;
  to: string;
  up: number | null;
  down_s: number;
  suspect_s: number;
  unknown_s: number;
}

export interface UptimeView {
  timezone: string;
  days: DayView[];
  up: number | null;
  down_s: number;
  suspect_s: number;
  unknown_s: number;
  outages: number;
  repaired: number;
  mttd_s: number | null;
  mttr_s: number | null;
  complete: boolean;
}
