/**
 * The service worker: the shell without a network, and nothing else. No answer of the API is ever
 * kept: what is old must not look like what is, and pictures do not outlive a session.
 */
import { cleanupOutdatedCaches, matchPrecache, precacheAndRoute } from "workbox-precaching";
import { registerRoute } from "workbox-routing";

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
