// Puts what is known on the page.
import { ago, byId, make, moment, options, put, sentence, words } from "./dom.js";

const rows = new Map();
const chips = new Map();
const PICTURE_RETRY_MS = [1000, 2000, 4000, 8000, 15000];
const SILENT_MS = 30000;
const STALE_FRAME_MS = 5000;
const FRESH_MS = 1600;

// --- banner ---------------------------------------------------------------------------------

function banner(state) {
  const element = byId("banner");
  let kind = "ok";
  let title = "";
  let reasons = [];
  if (state.connection !== "live") {
    kind = "blind";
    title = state.connection === "connecting"
      ? "Not connected yet: nothing is known of the pipeline."
      : `Not connected to the server for ${ago(Date.now() - state.lostSince)}. What is shown below is old; trying again.`;
  } else if (!state.pipeline) {
    kind = "blind";
    title = "Nothing is known of the pipeline yet.";
  } else if (state.pipeline.state !== "ok") {
    kind = state.pipeline.state;
    title = kind === "blind"
      ? "The pipeline is blind: something is not seen."
      : "The pipeline is late: alerts come later than they should.";
    reasons = state.pipeline.reasons.map((reason) => reason.text);
  }
  if (state.connection === "live" && !state.history) {
    if (kind === "ok") { kind = "late"; title = "Only what came lately is shown."; }
    reasons.push("The database did not answer: older alerts are missing from the list.");
  }
  element.dataset.state = kind;
  put(byId("banner-title"), title);
  const list = byId("banner-reasons");
  while (list.children.length > reasons.length) list.lastChild.remove();
  reasons.forEach((reason, index) => {
    if (!list.children[index]) list.append(make("li"));
    put(list.children[index], sentence(reason));
  });
  document.title = (kind === "ok" ? "" : `${kind.toUpperCase()} · `) + "Watchfloor";
}

// --- cameras --------------------------------------------------------------------------------

function cameraState(camera, now) {
  const heard = camera.heard_at ? now - Date.parse(camera.heard_at) : Infinity;
  const frame = camera.last_frame_at ? ago(now - Date.parse(camera.last_frame_at)) : null;
  if (!camera.captured) return ["idle", "not captured"];
  if (!camera.state) return ["bad", "not heard of"];
  if (camera.state === "ended") return ["bad", "recording ended"];
  if (heard > SILENT_MS) return ["bad", `no word for ${ago(heard)}`];
  if (camera.state === "connected") {
    const rate = camera.fps ? ` · ${camera.fps.toFixed(0)} fps` : "";
    // Capture speaks every 10 s: only a frame that was old by then is worth a word.
    const stale = camera.last_frame_at
      && Date.parse(camera.heard_at) - Date.parse(camera.last_frame_at) > STALE_FRAME_MS;
    return ["connected", `connected${rate}${stale ? ` · last frame ${frame} ago` : ""}`];
  }
  if (camera.state === "lost") return ["bad", frame ? `lost · last frame ${frame} ago` : "lost · no frame yet"];
  return ["idle", words(camera.state)];
}

function cameras(state, now) {
  const list = byId("cameras");
  const sorted = [...state.cameras.entries()].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [key, chip] of chips) {
    if (!state.cameras.has(key)) { chip.remove(); chips.delete(key); }
  }
  const several = new Set([...state.cameras.values()].map((camera) => camera.site_id)).size > 1;
  let connected = 0;
  const captured = sorted.filter(([, camera]) => camera.captured).length;
  sorted.forEach(([key, camera], index) => {
    let chip = chips.get(key);
    if (!chip) {
      chip = make("li", "camera");
      const dot = make("span", "dot");
      dot.setAttribute("aria-hidden", "true");
      chip.append(dot, make("span", "name"), make("span", "state"));
      chips.set(key, chip);
    }
    const [kind, text] = cameraState(camera, now);
    if (kind === "connected") connected += 1;
    chip.dataset.state = kind;
    const last = camera.last_frame_at ? `, last frame ${moment(camera.last_frame_at)}` : "";
    chip.title = `${key}${last}${camera.error ? `: ${camera.error}` : ""}`;
    put(chip.children[1], several ? `${camera.site_id} / ${camera.name}` : camera.name);
    put(chip.children[2], text);
    if (list.children[index] !== chip) list.insertBefore(chip, list.children[index] || null);
  });
  put(byId("cameras-count"), captured ? `${connected} of ${captured} connected` : "none captured");
  return connected;
}

// --- alerts ---------------------------------------------------------------------------------

function picture() {
  const frame = make("span", "picture");
  const image = make("img");
  image.hidden = true;
  const none = make("span", "none", "no picture");
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 1 1");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  const box = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  svg.append(box);
  svg.style.display = "none";
  frame.append(image, svg, none);
  let tries = 0;
  let timer = null;
  image.onload = () => { image.hidden = false; none.hidden = true; none.textContent = ""; svg.style.display = ""; };
  image.onerror = () => {
    image.hidden = true;
    svg.style.display = "none";
    put(none, tries < PICTURE_RETRY_MS.length ? "picture on its way" : "no picture");
    none.hidden = false;
    if (tries < PICTURE_RETRY_MS.length) {
      const url = image.dataset.url;
      timer = setTimeout(() => { if (image.dataset.url === url) image.src = url; }, PICTURE_RETRY_MS[tries]);
      tries += 1;
    }
  };
  frame.show = (alert) => {
    const url = alert.snapshot ? `/v1/events/${encodeURIComponent(alert.snapshot)}/snapshots/0` : "";
    image.alt = `Camera picture: ${alert.label || words(alert.event_type)}`;
    // The box is the newest event's; on an older event's picture it would point at nothing.
    const fits = alert.box && alert.snapshot === alert.event_ids[alert.event_ids.length - 1];
    if (fits) {
      const [x1, y1, x2, y2] = alert.box;
      for (const [name, value] of Object.entries({ x: x1, y: y1, width: x2 - x1, height: y2 - y1 })) {
        box.setAttribute(name, value);
      }
    }
    box.style.display = fits ? "" : "none";
    if (image.dataset.url !== url) {
      image.dataset.url = url;
      tries = 0;
      clearTimeout(timer);
      if (url) image.src = url;
      else { image.removeAttribute("src"); image.hidden = true; none.hidden = false; put(none, "no picture"); }
    }
  };
  return frame;
}

function fact(name) {
  const element = make("span");
  element.append(make("b"), make("small", "", name));
  return element;
}

function row(id, actions) {
  const item = make("li", "alert");
  const head = make("button", "row");
  head.type = "button";
  head.setAttribute("aria-expanded", "false");
  const rank = make("span", "rank");
  rank.append(make("b"), make("small", "", "rank"));
  const thumb = picture();
  const what = make("span", "what");
  const tags = make("span", "tags");
  what.append(make("span", "title"), make("span", "place"), tags);
  tags.append(make("span", "tag severity"), make("span", "tag state"));
  const facts = make("span", "facts");
  facts.append(fact("events"), fact("repeats"), fact("last event"));
  const chevron = make("span", "chevron", "›");
  chevron.setAttribute("aria-hidden", "true");
  head.append(rank, thumb, what, facts, chevron);
  head.onclick = () => actions.toggle(id);
  const details = make("div", "details");
  details.id = `details-${id}`;
  details.hidden = true;
  head.setAttribute("aria-controls", details.id);
  item.append(head, details);
  item.parts = { head, rank, thumb, what, tags, facts, details, large: null };
  return item;
}

function subject(alert) {
  return sentence(alert.label ? `${alert.label}: ${words(alert.event_type)}` : words(alert.event_type));
}

function place(alert) {
  const where = alert.camera_name || alert.camera_id || alert.device_name || alert.device_id;
  return [alert.site_name || alert.site_id, where, alert.zone_id && `zone ${alert.zone_id}`]
    .filter(Boolean).join(" · ");
}

function fillDetails(item, alert) {
  const { details } = item.parts;
  if (details.dataset.revision === String(alert.revision)) return;
  details.dataset.revision = String(alert.revision);
  item.parts.large = item.parts.large || picture();
  item.parts.large.show(alert);
  const side = make("div");
  const table = make("table", "reasons");
  const body = make("tbody");
  for (const part of alert.reasons) {
    const line = make("tr");
    line.append(make("td", "", part.points > 0 ? `+${part.points}` : String(part.points)));
    const text = make("td", "", part.reason);
    text.append(make("span", "part", `  (${words(part.name)})`));
    line.append(text);
    body.append(line);
  }
  const foot = make("tfoot");
  const total = make("tr");
  total.append(make("td", "", String(alert.rank)), make("td", "", "rank"));
  foot.append(total);
  table.append(body, foot);
  const list = make("dl");
  const facts = [
    ["First event", moment(alert.first_event)],
    ["Last event", moment(alert.last_event)],
    ["Confidence", alert.confidence === null ? "–" : alert.confidence.toFixed(2)],
    ["Assigned to", alert.assigned_to || "nobody"],
    ["Acknowledged", alert.acknowledged_by ? `${alert.acknowledged_by}, ${moment(alert.acknowledged_at)}` : "by nobody"],
    ["Alert", alert.alert_id],
  ];
  for (const [name, value] of facts) list.append(make("dt", "", name), make("dd", "", value));
  side.append(make("h3", "", "Why it is ranked so"), table, list);
  details.replaceChildren(item.parts.large, side);
}

function fill(item, alert, state, now) {
  const { rank, thumb, what, tags, facts, head, details } = item.parts;
  item.dataset.severity = alert.severity;
  item.classList.toggle("fresh", alert.arrived !== undefined && Date.now() - alert.arrived < FRESH_MS);
  put(rank.children[0], String(alert.rank));
  thumb.show(alert);
  put(what.children[0], subject(alert));
  put(what.children[1], place(alert));
  put(tags.children[0], alert.severity);
  const snoozed = alert.snoozed_until && Date.parse(alert.snoozed_until) > now;
  put(tags.children[1], snoozed ? "snoozed" : alert.state);
  put(facts.children[0].children[0], String(alert.events));
  put(facts.children[1].children[0], String(alert.repeats));
  const age = ago(now - Date.parse(alert.last_event));
  put(facts.children[2].children[0], `${age} ago`);
  facts.children[2].title = moment(alert.last_event);
  const open = state.expanded.has(alert.alert_id);
  head.setAttribute("aria-expanded", String(open));
  details.hidden = !open;
  if (open) fillDetails(item, alert);
}

function alerts(state, actions, now, connected) {
  const list = byId("queue");
  const shown = [...state.alerts.values()].filter((alert) => alert.state !== "resolved");
  shown.sort((a, b) => b.rank - a.rank || (a.alert_id < b.alert_id ? -1 : 1));
  const ids = new Set(shown.map((alert) => alert.alert_id));
  for (const [id, item] of rows) {
    if (!ids.has(id)) { item.remove(); rows.delete(id); }
  }
  const focused = document.activeElement;
  shown.forEach((alert, index) => {
    let item = rows.get(alert.alert_id);
    if (!item) { item = row(alert.alert_id, actions); rows.set(alert.alert_id, item); }
    fill(item, alert, state, now);
    if (list.children[index] !== item) list.insertBefore(item, list.children[index] || null);
  });
  // An element that is moved in the document loses the focus.
  if (focused && focused !== document.activeElement && list.contains(focused)) focused.focus();
  put(byId("alerts-count"), `${shown.length}${state.complete ? "" : " of more"}`);
  put(byId("summary"), shown.length
    ? `highest rank ${shown[0].rank}, ${shown.filter((alert) => alert.severity === "critical").length} critical`
    : "");
  const empty = byId("empty");
  empty.hidden = shown.length > 0;
  const well = state.connection === "live" && state.pipeline && state.pipeline.state === "ok";
  put(empty, well
    ? `No open alerts. The pipeline sees: ${connected} ${connected === 1 ? "camera" : "cameras"} connected.`
    : "No alerts are known, and the pipeline does not see everything: the banner above says why.");
}

// --- all of it ------------------------------------------------------------------------------

function sites(state, actions) {
  const select = byId("site");
  if (!select.onchange) select.onchange = () => actions.pick(select.value);
  const wanted = ["", ...new Set([...state.sites, ...(state.site ? [state.site] : [])])];
  options(select, wanted, state.site);
}

export function render(state, actions) {
  // Ages by the server's clock: this machine's may be wrong.
  const now = Date.now() + state.skewMs;
  document.body.dataset.connection = state.connection;
  put(byId("connection-text"), { live: "Live", lost: "Disconnected", connecting: "Connecting" }[state.connection]);
  banner(state);
  sites(state, actions);
  alerts(state, actions, now, cameras(state, now));
  put(byId("heard"), state.heardAt ? `Last word from the server ${ago(Date.now() - state.heardAt)} ago.` : "");
}
