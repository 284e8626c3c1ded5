// What is told of one device: its days, how fast outages are found and ended, its newest changes.
import { ago, make, moment, share, words } from "./dom.js";

const FULL = 0.9995;
const MOST = 0.95;

function duration(seconds) {
  return seconds === null ? "–" : ago(seconds * 1000);
}

function level(up) {
  if (up === null) return "none";
  if (up >= FULL) return "full";
  return up >= MOST ? "most" : "low";
}

function strip(days) {
  const list = make("ol", "days");
  for (const day of days) {
    const text = day.up === null ? "unknown" : `up ${share(day.up)}`;
    const down = day.down_s ? `, down ${duration(day.down_s)}` : "";
    const item = make("li");
    item.dataset.level = level(day.up);
    item.title = `${day.date}: ${text}${down}`;
    item.append(make("span", "only-read", item.title));
    list.append(item);
  }
  return list;
}

function pairs(facts) {
  const list = make("dl");
  for (const [name, value] of facts) list.append(make("dt", "", name), make("dd", "", value));
  return list;
}

function changes(items) {
  const list = make("ol", "changes");
  for (const change of items) {
    const item = make("li");
    item.dataset.health = change.severity;
    const lasted = change.until ? ` for ${ago(Date.parse(change.until) - Date.parse(change.at))}` : "";
    item.append(
      make("b", "", change.severity),
      make("span", "", `${lasted}, since ${moment(change.at)}${change.error ? `: ${change.error}` : ""}`),
    );
    list.append(item);
  }
  return list;
}

function facts(device) {
  const found = [];
  for (const probe of device.probes) {
    found.push([
      `${probe.kind} probe`,
      `${probe.ok ? "well" : probe.error || probe.state || "failed"}, ${moment(probe.at)}`,
    ]);
    for (const [name, value] of Object.entries(probe.facts)) found.push([words(name), String(value)]);
  }
  if (device.children.length) {
    const bad = device.children.filter((child) => child.severity === "critical").length;
    const count = device.children.length;
    found.push(["behind it", `${count} ${count === 1 ? "device" : "devices"}${bad ? `, ${bad} critical` : ""}`]);
  }
  return found;
}

export function tell(cell, device, uptime, history) {
  const left = make("div");
  left.append(
    make("h4", "", `Up in ${uptime.days.length} days, ${uptime.timezone}`),
    strip(uptime.days),
    pairs([
      ["up", uptime.up === null ? "unknown" : share(uptime.up)],
      ["down", duration(uptime.down_s)],
      ["outages", `${uptime.outages}, ${uptime.repaired} ended`],
      ["mean time to detect", duration(uptime.mttd_s)],
      ["mean time to repair", duration(uptime.mttr_s)],
    ]),
  );
  const right = make("div");
  right.append(make("h4", "", "Newest changes"));
  right.append(history.length ? changes(history) : make("p", "", "No poll has said anything of it yet."));
  const said = facts(device);
  if (said.length) right.append(make("h4", "", "Newest polls"), pairs(said));
  const both = make("div", "both");
  both.append(left, right);
  cell.replaceChildren(both);
}
