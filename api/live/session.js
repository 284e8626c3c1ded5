// Who is not signed in is sent to the page for it; a session whose token is only old gets a new one
// first. Scripts never see a token: both cookies are HttpOnly.
const ME = "/v1/me";

export function signIn() {
  const here = location.pathname + location.search;
  location.replace(`/sign-in?next=${encodeURIComponent(here)}`);
}

// Whether the session goes on. Throws where nobody answers: that is no reason to sign in again.
async function renew() {
  // Two pages that renew at once would each use up the other's refresh token.
  return navigator.locks.request("watchfloor-session", async () => {
    const now = await fetch(ME);
    if (now.status !== 401) return true;
    const body = new URLSearchParams({ grant_type: "refresh_token", cookies: "true" });
    const answer = await fetch("/v1/auth/token", { method: "POST", body });
    if (answer.ok) return true;
    if ([400, 401, 422].includes(answer.status)) return false;
    throw new TypeError(`status ${answer.status}`);
  });
}

export async function signOut() {
  try { await fetch("/v1/auth/logout", { method: "POST" }); } finally { location.replace("/sign-in"); }
}

export async function ask(path, options) {
  const answer = await fetch(path, options);
  if (answer.status !== 401) return answer;
  if (await renew()) return fetch(path, options);
  signIn();
  return answer;
}

// For a stream that did not open, which tells a page nothing of why.
export async function check() {
  try { await ask(ME); } catch { /* nobody answers: the banner says so */ }
}
