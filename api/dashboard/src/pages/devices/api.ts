/** Devices, as `/v1/devices` answers. */
export type {
  ChangeView,
  DayView,
  DeviceDetail,
  DeviceView,
  Health,
  ProbeView,
  UptimeView,
} from "@/api/openapi";
