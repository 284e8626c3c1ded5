/**
 * The service worker: the shell without a network, and nothing else. No answer of the API is ever
 * kept: what is old must not look like what is, and pictures do not outlive a session.
 */
import {
  cleanupOutdatedCaches,
  createHandlerBoundToURL,
  precacheAndRoute,
} from "workbox-precaching";
import { NavigationRoute, registerRoute } from "workbox-routing";

// biome-ignore lint/suspicious/noExplicitAny: the types of a worker and of a page exclude each other
declare const self: any;

cleanupOutdatedCaches();
precacheAndRoute(self.__WB_MANIFEST);
registerRoute(
  new NavigationRoute(createHandlerBoundToURL("/index.html"), {
    denylist: [
      /^\/v1\//,
      /^\/sign-in\//,
      /^\/\.well-known\//,
      /^\/(openapi|metrics|health)/,
      /^\/live\//,
      /^\/devices$/,
    ],
  }),
);
self.addEventListener("install", () => self.skipWaiting());
