import { describe, expect, it } from "vitest";
import type { DeviceView } from "./api";
import { bySite, counts, level, share } from "./order";

function device(id: string, fields: Partial<DeviceView> = {}): DeviceView {
  return {
    site_id: "north",
    device_id: id,
    kind: "camera",
    name: id.toUpperCase(),
    driver: "onvif",
    parent: null,
    severity: "normal",
    since: null,
    at: null,
    next_poll_at: null,
    overdue: false,
    error: null,
    latency_ms: null,
    consecutive_failures: 0,
    load_shed: false,
    breaker: "closed",
    breaker_opened_at: null,
    failures: 0,
    last_failure_at: null,
    up_today: null,
    ...fields,
  };
}

const ALL = [
  device("b"),
  device("a"),
  device("d", { severity: "suspect" }),
  device("c", { severity: "critical" }),
  device("e", { severity: "unknown" }),
  device("f", { site_id: "east", overdue: true }),
];

const ids = (troubled: boolean, text = "") =>
  bySite(ALL, { troubled, text }).map(({ site, devices }) => [
    site,
    devices.map((one) => one.device_id).join(""),
  ]);

describe("the list", () => {
  it("is by site, the worst first", () => {
    expect(ids(false)).toEqual([
      ["east", "f"],
      ["north", "cdeab"],
    ]);
  });
  it("leaves out what is normal and was polled when due", () => {
    expect(ids(true)).toEqual([
      ["east", "f"],
      ["north", "cde"],
    ]);
  });
  it("finds by name and by id, whatever the case", () => {
    expect(ids(false, " C ")).toEqual([["north", "c"]]);
    expect(ids(false, "nothing")).toEqual([]);
  });
  it("says how many are critical", () => {
    expect(bySite(ALL, { troubled: false, text: "" }).map((one) => one.critical)).toEqual([0, 1]);
    expect(counts(ALL)).toEqual([
      ["critical", 1],
      ["suspect", 1],
      ["unknown", 1],
      ["normal", 3],
    ]);
    expect(counts([])).toEqual([]);
  });
});

describe("a share", () => {
  it.each([
    [1, "100%"],
    [0, "0%"],
    [0.99999, "99.99%"],
    [0.9933, "99.33%"],
    [0.512, "51.2%"],
    [0.000001, "0.01%"],
  ])("%f is %s", (value, text) => expect(share(value, "en")).toBe(text));
});

it.each([
  [null, "none"],
  [1, "full"],
  [0.9994, "most"],
  [0.95, "most"],
  [0.9499, "low"],
] as const)("a day with %s up is %s", (up, expected) => expect(level(up)).toBe(expected));
