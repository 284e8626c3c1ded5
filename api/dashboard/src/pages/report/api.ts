/** A shift report, as `/v1/reports/shift` answers; api/report/README.md defines every number. */
export type {
  CameraLine,
  ChannelLine,
  HourLine,
  Precision,
  RuleLine,
  SeverityLine,
  ShiftReport,
  Totals,
} from "@/api/openapi";
