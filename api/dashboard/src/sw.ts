/**
 * The service worker: the shell without a network, and what is pushed. No answer of the API is ever
 * kept: what is old must not look like what is, and pictures do not outlive a session.
 */
import { cleanupOutdatedCaches, matchPrecache, precacheAndRoute } from "workbox-precaching";
import { registerRoute } from "workbox-routing";
import { carryOver, idOf } from "@/push/api";
import { goTo, noticeOf, pathOf } from "@/push/notice";

// biome-ignore lint/suspicious/noExplicitAny: the types of a worker and of a page exclude each other
declare const self: any;

// The page itself is the server's as long as there is one: after an update it is the new one.
registerRoute(
  ({ request }) => request.mode === "navigate",
  async ({ request }) => {
    try {
      return await fetch(request);
    } catch {
      return (await matchPrecache("/index.html")) ?? Response.error();
    }
  },
);
cleanupOutdatedCaches();
precacheAndRoute(self.__WB_MANIFEST);
self.addEventListener("install", () => self.skipWaiting());

interface Waiting {
  waitUntil: (work: Promise<unknown>) => void;
}

self.addEventListener("push", (event: Waiting & { data: { text: () => string } | null }) => {
  const notice = noticeOf(
    event.data?.text() ?? null,
    self.location.origin,
    self.navigator.languages,
  );
  // The same notification again has the same tag, and takes the first one's place in silence.
  const shown = { body: notice.body, tag: notice.tag, icon: "/mark-192.png" };
  event.waitUntil(
    self.registration.showNotification(notice.title, { ...shown, data: { path: notice.path } }),
  );
});

/** In a window that is open, the one in front first; else in a new one. */
async function open(path: string): Promise<void> {
  const windows = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const there = windows.find((one: { focused: boolean }) => one.focused) ?? windows[0];
  if (there) {
    // The page goes there by itself: a load would lose what somebody was writing.
    there.postMessage(goTo(path));
    try {
      await there.focus();
      return;
    } catch {
      // It may not be brought to the front.
    }
  }
  await self.clients.openWindow(path);
}

self.addEventListener(
  "notificationclick",
  (event: Waiting & { notification: { close: () => void; data: { path?: unknown } | null } }) => {
    event.notification.close();
    event.waitUntil(open(pathOf(event.notification.data?.path, self.location.origin)));
  },
);

interface Change extends Waiting {
  oldSubscription: PushSubscription | null;
  newSubscription: PushSubscription | null;
}

/** The browser's subscription ended: another one in its place, for as long as there is a session. */
async function renew({ oldSubscription, newSubscription }: Change): Promise<void> {
  if (!oldSubscription) return;
  const fresh =
    newSubscription ?? (await self.registration.pushManager.subscribe(oldSubscription.options));
  await carryOver(await idOf(oldSubscription.endpoint), fresh);
}

self.addEventListener("pushsubscriptionchange", (event: Change) => {
  // Where it fails, the page sees to it when it is opened the next time.
  event.waitUntil(renew(event).catch(() => {}));
});
