// The connection and what is known: everything that is shown comes from the stream, and when the
// stream is silent the page says so. A dead pipeline must never look like a quiet night.
import { ask, check, signOut } from "./session.js";
import { byId } from "./dom.js";
import { render } from "./view.js";

const BACKOFF_MS = [500, 1000, 2000, 4000, 8000];
const SILENT_BEATS = 3;
const MAX_ALERTS = 1000;
const SIGNED_OUT = 4401;

const state = {
  connection: "connecting",
  lostSince: Date.now(),
  heardAt: null,
  skewMs: 0,
  sites: [],
  site: new URLSearchParams(location.search).get("site") || "",
  alerts: new Map(),
  removed: new Set(),
  complete: true,
  history: true,
  cameras: new Map(),
  pipeline: null,
  expanded: new Set(),
};

let socket = null;
let opened = null;
let attempt = 0;
let heartbeatMs = 5000;
let openedAt = 0;
let retry = null;
let dirty = false;

function changed() {
  if (dirty) return;
  dirty = true;
  // A hidden page gets no animation frames; what it knows must be current when it is looked at.
  setTimeout(() => { dirty = false; render(state, actions); }, 50);
}

function newer(alert) {
  const known = state.alerts.get(alert.alert_id);
  return !known || alert.revision > known.revision;
}

function take(alert) {
  if (!newer(alert)) return;
  // A resolved one stays in the map, not on the page: an older word about it must not bring it back.
  state.alerts.set(alert.alert_id, alert);
  if (state.alerts.size > MAX_ALERTS) {
    for (const [id, other] of state.alerts) {
      if (state.alerts.size <= MAX_ALERTS) break;
      if (other.state === "resolved") state.alerts.delete(id);
    }
    const lowest = [...state.alerts.values()].sort((a, b) => a.rank - b.rank);
    for (const other of lowest) {
      if (state.alerts.size <= MAX_ALERTS) break;
      state.alerts.delete(other.alert_id);
      state.complete = false;
    }
  }
}

const handlers = {
  hello(message) {
    heartbeatMs = message.heartbeat_s * 1000;
    state.skewMs = Date.parse(message.at) - Date.now();
    if (!state.site) state.sites = message.sites;
  },
  alerts(message) {
    const before = state.alerts;
    state.alerts = new Map();
    state.complete = message.complete;
    state.history = message.history;
    for (const alert of message.alerts) take(alert);
    // What came by the stream while the queue was being read is newer than the queue.
    for (const alert of before.values()) {
      if (alert.fresh === socket && newer(alert)) take(alert);
    }
    attempt = 0;
    state.connection = "live";
  },
  alert(message) {
    message.alert.fresh = socket;
    message.alert.arrived = Date.now();
    take(message.alert);
  },
  alert_removed(message) { state.alerts.delete(message.alert_id); },
  cameras(message) {
    state.cameras = new Map(message.cameras.map((c) => [`${c.site_id}/${c.camera_id}`, c]));
    if (!state.site) {
      state.sites = [...new Set([...state.sites, ...message.cameras.map((c) => c.site_id)])].sort();
    }
  },
  camera(message) {
    state.cameras.set(`${message.camera.site_id}/${message.camera.camera_id}`, message.camera);
  },
  pipeline(message) { state.pipeline = message; },
};

function connect() {
  clearTimeout(retry);
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const query = state.site ? `?site_id=${encodeURIComponent(state.site)}` : "";
  const mine = new WebSocket(`${scheme}://${location.host}/v1/stream${query}`);
  socket = mine;
  openedAt = Date.now();
  mine.onmessage = (event) => {
    if (mine !== socket) return;
    state.heardAt = Date.now();
    let message;
    try { message = JSON.parse(event.data); } catch { return; }
    // A newer server may say more than this page knows.
    if (Object.hasOwn(handlers, message.type)) handlers[message.type](message);
    changed();
  };
  mine.onopen = () => { opened = mine; };
  mine.onclose = (event) => { if (mine === socket) lost(event.code); };
}

function lost(code) {
  if (state.connection !== "lost") {
    if (state.connection === "live") state.lostSince = state.heardAt || Date.now();
    state.connection = "lost";
  }
  const old = socket;
  socket = null;
  if (old) old.close();
  // A handshake that is refused says nothing of why; 4401: signed out, or the session changed.
  if (old !== opened || code === SIGNED_OUT) check();
  const wait = BACKOFF_MS[Math.min(attempt, BACKOFF_MS.length - 1)];
  attempt += 1;
  clearTimeout(retry);
  // Spread, so that a server that comes back is not met by everybody at once.
  retry = setTimeout(connect, wait * (0.75 + Math.random() / 2));
  changed();
}

const actions = {
  toggle(id) {
    if (!state.expanded.delete(id)) state.expanded.add(id);
    render(state, actions);
  },
  pick(site) {
    state.site = site;
    history.replaceState(null, "", site ? `?site=${encodeURIComponent(site)}` : location.pathname);
    state.alerts = new Map();
    state.cameras = new Map();
    state.pipeline = null;
    state.connection = "connecting";
    state.lostSince = Date.now();
    const old = socket;
    socket = null;
    if (old) old.close();
    attempt = 0;
    connect();
    changed();
  },
};

setInterval(() => {
  // A connection can be open and dead: no word for three heartbeats is no connection.
  const heard = Math.max(state.heardAt || 0, openedAt);
  if (socket && Date.now() - heard > SILENT_BEATS * heartbeatMs) lost();
  changed();
}, 1000);
addEventListener("online", () => { if (!socket) connect(); });

if (state.site) {
  ask("/v1/sites").then((answer) => answer.json()).then((sites) => {
    if (Array.isArray(sites)) state.sites = sites.map((site) => site.site_id);
    changed();
  }, () => {});
}
byId("sign-out").onclick = signOut;
connect();
changed();
