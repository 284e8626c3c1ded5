// Name and password, and a one-time code where the account has a second factor.
import { byId, put } from "./dom.js";

const form = byId("form");

const CAME_BACK = {
  used: "That link was used already, or is too old.",
  refused: "That did not sign you in.",
};

// Only to a page of this server: a link to here could name any other.
function wanted() {
  const home = new URL("/", location.origin);
  try {
    const url = new URL(new URLSearchParams(location.search).get("next") || "/", location.origin);
    return url.origin === location.origin && url.pathname !== "/sign-in" ? url : home;
  } catch { return home; }
}

function target() {
  const url = wanted();
  url.searchParams.delete("sign-in");
  return url.pathname + url.search;
}

function wait(answer) {
  const seconds = Number(answer.headers.get("retry-after"));
  return seconds ? `Too many attempts. Try again in ${Math.ceil(seconds / 60)} min.` : "Too many attempts. Try again later.";
}

// A password that an administrator made lets one in to change it, and to nothing else.
async function enter() {
  const me = await (await fetch("/v1/me")).json();
  if (!me.must_change_password) {
    location.replace(target());
    return "";
  }
  byId("renew").hidden = false;
  form.fresh.required = true;
  form.fresh.focus();
  return "";
}

async function renew() {
  const body = JSON.stringify({ old: form.password.value, new: form.fresh.value });
  const headers = { "Content-Type": "application/json" };
  const answer = await fetch("/v1/me/password", { method: "PUT", headers, body });
  if (answer.ok) {
    location.replace(target());
    return "";
  }
  const problem = await answer.json();
  form.fresh.focus();
  return problem.errors?.[0]?.detail || problem.detail || problem.title;
}

async function send() {
  if (!byId("renew").hidden) return renew();
  const fields = { grant_type: "password", cookies: "true", username: form.username.value, password: form.password.value };
  const second = !byId("second").hidden;
  if (second) fields.otp = form.otp.value.trim();
  const answer = await fetch("/v1/auth/token", { method: "POST", body: new URLSearchParams(fields) });
  if (answer.ok) return enter();
  if (answer.status === 429) return wait(answer);
  const problem = await answer.json();
  if (problem.type === "/v1/problems/otp-required") {
    byId("second").hidden = false;
    form.otp.required = true;
    form.otp.focus();
    return "";
  }
  if (answer.status === 401) {
    form.password.focus();
    form.password.select();
    return second ? "The name, the password or the code is wrong." : "The name or the password is wrong.";
  }
  return problem.detail || problem.title;
}

form.onsubmit = async (event) => {
  event.preventDefault();
  byId("go").disabled = true;
  put(byId("said"), "");
  try {
    put(byId("said"), await send());
  } catch {
    put(byId("said"), "The server does not answer. Try again.");
  } finally {
    byId("go").disabled = false;
  }
};

put(byId("said"), CAME_BACK[wanted().searchParams.get("sign-in")] || "");
fetch("/v1/auth/methods").then((answer) => (answer.ok ? answer.json() : {})).then((methods) => {
  if (!methods.oidc) return;
  put(byId("oidc"), `Sign in with ${methods.oidc}`);
  byId("elsewhere").hidden = false;
}, () => {});
