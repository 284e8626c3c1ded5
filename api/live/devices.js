// The devices of each site: asked for every few seconds, and when nobody answers the page says so.
import { ask, signOut } from "./session.js";
import { ago, byId, make, moment, options, put, share, words } from "./dom.js";
import { tell } from "./uptime.js";

const EVERY_MS = 5000;
const PATIENCE_MS = 10000;
const PAGE = 500;
const MAX_PAGES = 10;
const COLUMNS = ["Device", "Health", "Since", "Up today", "Next poll", "Error"];
const ORDER = { critical: 0, suspect: 1, unknown: 2, normal: 3 };

const state = {
  connection: "connecting",
  lostSince: Date.now(),
  heardAt: null,
  skewMs: 0,
  site: new URLSearchParams(location.search).get("site") || "",
  sites: [],
  devices: [],
  complete: true,
  problem: "",
  only: false,
  expanded: new Set(),
};
const sections = new Map();
const rows = new Map();
let asking = null;
let timer = null;

const keyOf = (device) => `${device.site_id}/${device.device_id}`;

async function get(path, signal) {
  const answer = await ask(path, { signal });
  const date = Date.parse(answer.headers.get("date"));
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.detail || body.title || `status ${answer.status}`);
  if (date) state.skewMs = date - Date.now();
  return body;
}

async function load(signal) {
  const query = new URLSearchParams({ limit: String(PAGE) });
  if (state.site) query.set("site_id", state.site);
  const found = [];
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const body = await get(`/v1/devices?${query}`, signal);
    found.push(...body.items);
    if (!body.next) return [found, true];
    query.set("cursor", body.next);
  }
  return [found, false];
}

async function refresh() {
  clearTimeout(timer);
  const mine = new AbortController();
  if (asking) asking.abort();
  asking = mine;
  const limit = setTimeout(() => mine.abort(), PATIENCE_MS);
  try {
    const sites = await get("/v1/sites", mine.signal);
    const [devices, complete] = await load(mine.signal);
    if (mine !== asking) return;
    Object.assign(state, {
      sites: sites.map((site) => site.site_id), devices, complete, connection: "live", problem: "",
      heardAt: Date.now(),
    });
    for (const key of state.expanded) detail(key);
  } catch (error) {
    // Another one was begun meanwhile: its outcome is the one that counts.
    if (mine !== asking) return;
    if (state.connection === "live") state.lostSince = state.heardAt;
    state.connection = "lost";
    state.problem = error instanceof TypeError || error.name === "AbortError" ? "" : error.message;
  } finally {
    clearTimeout(limit);
  }
  render();
  timer = setTimeout(refresh, EVERY_MS);
}

async function detail(key) {
  const row = rows.get(key);
  const [site, device] = key.split("/").map(encodeURIComponent);
  const path = `/v1/devices/${site}/${device}`;
  try {
    const [whole, uptime, history] = await Promise.all(
      [path, `${path}/uptime?days=30`, `${path}/history?limit=8`].map((one) => get(one)),
    );
    if (row) tell(row.cell, whole, uptime, history.items);
  } catch (error) {
    if (row) row.cell.replaceChildren(make("p", "", `Not to be had: ${error.message}`));
  }
}

function toggle(key) {
  if (!state.expanded.delete(key)) {
    state.expanded.add(key);
    detail(key);
  }
  render();
}

function section(site) {
  let found = sections.get(site);
  if (found) return found;
  found = make("section", "site");
  const title = make("h3");
  title.id = `site-${site}`;
  found.setAttribute("aria-labelledby", title.id);
  found.count = make("span", "count");
  title.append(make("span", "", site), found.count);
  const table = make("table", "devices");
  const head = make("thead");
  const line = make("tr");
  for (const name of COLUMNS) {
    const cell = make("th", "", name);
    cell.scope = "col";
    line.append(cell);
  }
  head.append(line);
  table.append(head);
  const scroll = make("div", "scroll");
  scroll.append(table);
  found.table = table;
  found.append(title, scroll);
  sections.set(site, found);
  return found;
}

function row(key) {
  let found = rows.get(key);
  if (found) return found;
  // A body a device: its line, and what is told of it when it is opened.
  found = make("tbody", "device");
  const line = make("tr");
  const head = make("th");
  head.scope = "row";
  const button = make("button", "open");
  button.type = "button";
  button.setAttribute("aria-expanded", "false");
  button.onclick = () => toggle(key);
  const name = make("span", "name");
  button.append(make("span", "chevron", "›"), name);
  button.firstChild.setAttribute("aria-hidden", "true");
  head.append(button, make("span", "place"));
  const health = make("td");
  const tag = make("span", "health");
  const dot = make("span", "dot");
  dot.setAttribute("aria-hidden", "true");
  tag.append(dot, make("span"));
  health.append(tag);
  line.append(head, health, make("td"), make("td", "figure"), make("td"), make("td", "error"));
  const more = make("tr", "more");
  more.hidden = true;
  found.cell = make("td", "", "Asking …");
  found.cell.colSpan = COLUMNS.length;
  found.cell.id = `more-${key}`;
  button.setAttribute("aria-controls", found.cell.id);
  more.append(found.cell);
  found.append(line, more);
  found.parts = { line, button, name, place: head.lastChild, label: tag.lastChild, more };
  rows.set(key, found);
  return found;
}

function fill(item, device, now) {
  const { line, button, name, place, label, more } = item.parts;
  item.dataset.health = device.severity;
  item.classList.toggle("old", device.overdue);
  put(name, device.name);
  const parent = device.parent ? ` · behind ${device.parent}` : "";
  put(place, `${device.device_id} · ${device.kind}${parent}`);
  put(label, device.severity + (device.breaker === "open" ? " · breaker open" : ""));
  const [, , since, up, next, error] = line.children;
  put(since, device.since ? `${ago(now - Date.parse(device.since))} ago` : "–");
  since.title = moment(device.since);
  put(up, device.up_today === null ? "–" : share(device.up_today));
  const due = device.next_poll_at ? Date.parse(device.next_poll_at) - now : null;
  if (due === null) put(next, device.driver ? "–" : "not polled");
  else if (device.overdue) put(next, `overdue by ${ago(-due)}: this is old`);
  else put(next, due > 0 ? `in ${ago(due)}` : "now");
  next.title = moment(device.next_poll_at);
  put(error, device.error || "");
  const open = state.expanded.has(keyOf(device));
  button.setAttribute("aria-expanded", String(open));
  more.hidden = !open;
}

function banner(old) {
  const element = byId("banner");
  let kind = "ok";
  let title = "";
  if (state.connection !== "live") {
    kind = "blind";
    title = state.connection === "connecting"
      ? "Not connected yet: nothing is known of the devices."
      : `No answer from the server for ${ago(Date.now() - state.lostSince)}${state.problem ? ` (${state.problem})` : ""}. What is shown below is old; trying again.`;
  } else if (old) {
    kind = "late";
    title = `${old} ${old === 1 ? "device was" : "devices were"} not polled when due: what is told of them is old.`;
  }
  element.dataset.state = kind;
  put(byId("banner-title"), title);
}

function render() {
  // Ages by the server's clock: this machine's may be wrong.
  const now = Date.now() + state.skewMs;
  document.body.dataset.connection = state.connection;
  put(byId("connection-text"), { live: "Live", lost: "Disconnected", connecting: "Connecting" }[state.connection]);
  options(byId("site"), ["", ...new Set([...state.sites, ...(state.site ? [state.site] : [])])], state.site);
  banner(state.devices.filter((device) => device.overdue).length);
  const shown = state.devices.filter((device) => !state.only || device.severity !== "normal" || device.overdue);
  const bySite = new Map();
  for (const device of shown) {
    if (!bySite.has(device.site_id)) bySite.set(device.site_id, []);
    bySite.get(device.site_id).push(device);
  }
  const focused = document.activeElement;
  const keys = new Set(shown.map(keyOf));
  for (const [key, item] of rows) if (!keys.has(key)) { item.remove(); rows.delete(key); state.expanded.delete(key); }
  for (const [site, item] of sections) if (!bySite.has(site)) { item.remove(); sections.delete(site); }
  [...bySite.entries()].forEach(([site, devices], index) => {
    const part = section(site);
    const down = devices.filter((device) => device.severity === "critical").length;
    put(part.count, `${devices.length}${down ? `, ${down} critical` : ""}`);
    devices.sort((a, b) => ORDER[a.severity] - ORDER[b.severity] || (a.device_id < b.device_id ? -1 : 1));
    devices.forEach((device, place) => {
      const item = row(keyOf(device));
      fill(item, device, now);
      const there = part.table.children[place + 1];
      if (there !== item) part.table.insertBefore(item, there || null);
    });
    const list = byId("sites");
    if (list.children[index] !== part) list.insertBefore(part, list.children[index] || null);
  });
  // An element that is moved in the document loses the focus.
  if (focused && focused !== document.activeElement && byId("sites").contains(focused)) focused.focus();
  summary(shown);
}

function summary(shown) {
  put(byId("devices-count"), `${shown.length}${state.complete ? "" : " of more: pick a site"}`);
  const counts = Object.keys(ORDER).map((name) => [name, state.devices.filter((d) => d.severity === name).length]);
  put(byId("summary"), counts.filter(([, count]) => count).map(([name, count]) => `${count} ${words(name)}`).join(", "));
  const empty = byId("empty");
  empty.hidden = shown.length > 0 || state.connection !== "live";
  put(empty, state.devices.length ? "Every device is normal." : "No device is configured here.");
  put(byId("heard"), state.heardAt ? `Last word from the server ${ago(Date.now() - state.heardAt)} ago.` : "");
}

byId("site").onchange = (event) => {
  state.site = event.target.value;
  history.replaceState(null, "", state.site ? `?site=${encodeURIComponent(state.site)}` : location.pathname);
  state.devices = [];
  state.connection = "connecting";
  state.lostSince = Date.now();
  render();
  refresh();
};
byId("only").onchange = (event) => { state.only = event.target.checked; render(); };
setInterval(render, 1000);
addEventListener("online", refresh);
byId("sign-out").onclick = signOut;
refresh();
