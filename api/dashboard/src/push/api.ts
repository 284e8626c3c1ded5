/** Devices that are told, as the API has them (api/push); for pages and for the service worker. */
import { ask } from "@/api/client";
import type { KeyView, PushSubscriptionView, PushView } from "@/api/openapi";

export type { KeyView, PushSubscriptionView, PushView };

export interface Tried {
  result: "sent" | "failed" | "accepted";
  error: string | null;
}

/** What a person chooses, or a browser says of itself. */
export type Wishes = Pick<PushSubscriptionView, "least" | "label" | "language">;

export function listed(signal?: AbortSignal): Promise<PushView> {
  return ask<PushView>("/v1/me/push", signal ? { signal } : {});
}

export function remove(pushId: string): Promise<void> {
  return ask<void>(`/v1/me/push/${pushId}`, { method: "DELETE" });
}

export function tryOut(pushId: string): Promise<Tried> {
  return ask<Tried>(`/v1/me/push/${pushId}/test`, { method: "POST" });
}

/** What a subscription is called: the SHA-256 of its endpoint, in hex. */
export async function idOf(endpoint: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(endpoint));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function base64url(bytes: ArrayBuffer | null): string {
  if (!bytes) return "";
  const text = String.fromCharCode(...new Uint8Array(bytes));
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** The key that a subscription was made with. */
export function keyOf(subscription: PushSubscription): string {
  return base64url(subscription.options.applicationServerKey);
}

/** Keep a subscription, or what is wished of it now. */
export async function keepDevice(
  subscription: PushSubscription,
  wishes: Wishes,
): Promise<PushSubscriptionView> {
  return ask<PushSubscriptionView>(`/v1/me/push/${await idOf(subscription.endpoint)}`, {
    method: "PUT",
    body: {
      endpoint: subscription.endpoint,
      keys: {
        p256dh: base64url(subscription.getKey("p256dh")),
        auth: base64url(subscription.getKey("auth")),
      },
      key: keyOf(subscription),
      least: wishes.least,
      label: wishes.label,
      language: wishes.language,
    },
  });
}

/** A browser has another subscription in the place of one: the device stays what it was. */
export async function carryOver(oldId: string, fresh: PushSubscription): Promise<void> {
  const { subscriptions } = await listed();
  const before = subscriptions.find((one) => one.push_id === oldId);
  // One that was removed stays so.
  if (!before) return;
  await keepDevice(fresh, before);
  if ((await idOf(fresh.endpoint)) !== oldId) await remove(oldId);
}
