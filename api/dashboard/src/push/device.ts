/** This browser as a device that is told: asked for, given up, and kept as it should be. */
import { ApiError } from "@/api/client";
import type { Severity } from "@/api/types";
import {
  idOf,
  keepDevice,
  keyOf,
  listed,
  type PushSubscriptionView,
  type PushView,
  remove,
} from "@/push/api";

export type PushState = "unsupported" | "denied" | "no-receiver" | "no-key" | "off" | "on";

/** Longer than it takes, where it is not away: nobody is kept from signing out by a push service. */
const LEAVING_MS = 4_000;
/** The service worker is there once it has all the pages' files. */
const INSTALLING_MS = 30_000;

function after(ms: number): Promise<undefined> {
  return new Promise((done) => setTimeout(() => done(undefined), ms));
}

/** Whether a browser can be told at all. On iPhones only an installed page can. */
export function supported(): boolean {
  return "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;
}

/** mine: this browser's device among those that the server has. */
export function stateOf(known: {
  supported: boolean;
  permission: NotificationPermission;
  answer: Pick<PushView, "state">;
  mine: Pick<PushSubscriptionView, "gone_at"> | null;
}): PushState {
  if (!known.supported) return "unsupported";
  if (known.permission === "denied") return "denied";
  if (known.mine && !known.mine.gone_at) return "on";
  return known.answer.state === "ready" ? "off" : known.answer.state;
}

const BROWSERS: readonly [RegExp, string][] = [
  [/\bEdgA?\//, "Edge"],
  [/\bOPR\//, "Opera"],
  [/\bFirefox\//, "Firefox"],
  [/\bFxiOS\//, "Firefox"],
  [/\b(Chrome|CriOS)\//, "Chrome"],
  [/\bSafari\//, "Safari"],
];
const SYSTEMS: readonly [RegExp, string][] = [
  [/\bAndroid\b/, "Android"],
  [/\b(iPhone|iPod)\b/, "iPhone"],
  [/\biPad\b/, "iPad"],
  [/\bWindows\b/, "Windows"],
  [/\bMac OS X\b/, "macOS"],
  [/\b(Linux|X11)\b/, "Linux"],
];

/** What a device is called until somebody knows better: `Chrome, Android`. */
export function labelOf(agent: string): string {
  const found = [BROWSERS, SYSTEMS].map(
    (names) => names.find(([pattern]) => pattern.test(agent))?.[1],
  );
  return found.filter(Boolean).join(", ") || "Browser";
}

function bytesOf(key: string): Uint8Array<ArrayBuffer> {
  const text = atob(key.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

async function registered(): Promise<ServiceWorkerRegistration | undefined> {
  return supported() ? navigator.serviceWorker.getRegistration() : undefined;
}

/** This browser's subscription, whoever it was made for. */
async function current(): Promise<PushSubscription | null> {
  return (await (await registered())?.pushManager.getSubscription()) ?? null;
}

/** What this browser's subscription is called, or null where it has none. */
export async function currentId(): Promise<string | null> {
  const found = await current();
  return found && idOf(found.endpoint);
}

async function subscribed(key: string): Promise<PushSubscription> {
  // At a first visit it is still being installed, and a subscription takes one that works.
  const registration = await Promise.race([navigator.serviceWorker.ready, after(INSTALLING_MS)]);
  if (!registration) throw new Error("no service worker");
  const before = await registration.pushManager.getSubscription();
  if (before && keyOf(before) === key) return before;
  // One subscription a browser: with another key it takes no push of ours.
  await before?.unsubscribe();
  return registration.pushManager.subscribe({
    userVisibleOnly: true,
    applicationServerKey: bytesOf(key),
  });
}

/** Have this browser told. False: the person, or the browser, does not allow it. */
export async function turnOn(
  answer: PushView,
  least: Severity,
  language: string,
): Promise<boolean> {
  const key = answer.keys[0]?.key;
  if (!key || (await Notification.requestPermission()) !== "granted") return false;
  const wishes = { least, language, label: labelOf(navigator.userAgent) };
  const subscription = await subscribed(key);
  try {
    await keepDevice(subscription, wishes);
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 404) throw error;
    // Somebody else was told in this browser, and never signed out of it: they are told no more.
    await subscription.unsubscribe();
    await keepDevice(await subscribed(key), wishes);
  }
  return true;
}

/** Another severity from which on this browser is told. */
export async function wish(
  least: Severity,
  device: PushSubscriptionView,
  language: string,
): Promise<void> {
  const found = await current();
  if (found) await keepDevice(found, { least, language, label: device.label });
}

/** Have this browser told nothing more. */
export async function turnOff(): Promise<void> {
  const found = await current();
  if (!found) return;
  try {
    await remove(await idOf(found.endpoint));
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 404) throw error;
  }
  await found.unsubscribe();
}

/** The same, for who signs out: whatever fails, and soon. */
export async function leave(): Promise<void> {
  const gone = turnOff().catch(async () => void (await (await current())?.unsubscribe()));
  await Promise.race([gone.catch(() => {}), after(LEAVING_MS)]);
}

/**
 * After a sign-in: this browser's device belongs to this session now, and to its key. One that the
 * server does not have is somebody else's, or was taken away: nothing is shown here for them.
 */
export async function keep(language: string): Promise<void> {
  const found = await current();
  if (!found || Notification.permission !== "granted") return;
  const answer = await listed();
  const id = await idOf(found.endpoint);
  const known = answer.subscriptions.find((one) => one.push_id === id);
  if (!known) {
    await found.unsubscribe();
    return;
  }
  const wishes = { least: known.least, label: known.label, language };
  if (!known.gone_at && answer.keys.some((one) => one.key === known.key)) {
    await keepDevice(found, wishes);
    return;
  }
  const key = answer.keys[0]?.key;
  await found.unsubscribe();
  if (key) await keepDevice(await subscribed(key), wishes);
  await remove(id);
}
