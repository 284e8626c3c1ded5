/** The queue as the stream tells it. Pure: a state and news give the next state. */
import type { AlertView } from "@/api/types";

export interface Queue {
  /** Everything known, resolved ones included: an older word must not bring one back. */
  readonly alerts: ReadonlyMap<string, AlertView>;
  /** The ids of the unresolved ones, by rank. */
  readonly order: readonly string[];
  /** Whether there are no more than these. */
  readonly complete: boolean;
  /** Whether the database helped: without it only what came lately is here. */
  readonly history: boolean;
}

export const EMPTY: Queue = { alerts: new Map(), order: [], complete: true, history: true };

/** More unresolved alerts than these are not kept; the lowest ranked go first. */
export const MAX_UNRESOLVED = 10_000;
const MAX_RESOLVED = 2_000;

/** The queue's order: the highest rank first, and the same for everybody where ranks are equal. */
export function before(a: AlertView, b: AlertView): number {
  return b.rank - a.rank || (a.alert_id < b.alert_id ? -1 : a.alert_id > b.alert_id ? 1 : 0);
}

/** Those of `news` that say more than what is known: a revision never goes back. */
function newer(known: ReadonlyMap<string, AlertView>, news: Iterable<AlertView>): AlertView[] {
  const found = new Map<string, AlertView>();
  for (const alert of news) {
    const old = found.get(alert.alert_id) ?? known.get(alert.alert_id);
    if (!old || alert.revision > old.revision) found.set(alert.alert_id, alert);
  }
  return [...found.values()];
}

/** The order with some alerts changed: those are taken out and merged in again, O(n + k log k). */
export function reorder(
  order: readonly string[],
  alerts: ReadonlyMap<string, AlertView>,
  changed: ReadonlySet<string>,
): string[] {
  const incoming: AlertView[] = [];
  for (const id of changed) {
    const alert = alerts.get(id);
    if (alert && alert.state !== "resolved") incoming.push(alert);
  }
  incoming.sort(before);
  const result: string[] = [];
  let at = 0;
  for (const id of order) {
    if (changed.has(id)) continue;
    const alert = alerts.get(id);
    if (!alert) continue;
    for (let next = incoming[at]; next && before(next, alert) < 0; next = incoming[at]) {
      result.push(next.alert_id);
      at += 1;
    }
    result.push(id);
  }
  for (const rest of incoming.slice(at)) result.push(rest.alert_id);
  return result;
}

/** The queue with alerts that changed and ids of those that are gone for good. */
export function take(queue: Queue, news: Iterable<AlertView>, gone: Iterable<string> = []): Queue {
  const fresh = newer(queue.alerts, news);
  const removed = [...gone].filter((id) => queue.alerts.has(id));
  if (!fresh.length && !removed.length) return queue;
  const alerts = new Map(queue.alerts);
  for (const alert of fresh) {
    // The newest change is the last of the map: what goes first is what is quiet longest.
    alerts.delete(alert.alert_id);
    alerts.set(alert.alert_id, alert);
  }
  for (const id of removed) alerts.delete(id);
  const changed = new Set([...fresh.map((alert) => alert.alert_id), ...removed]);
  let order = reorder(queue.order, alerts, changed);
  let { complete } = queue;
  if (order.length > MAX_UNRESOLVED) {
    for (const id of order.slice(MAX_UNRESOLVED)) alerts.delete(id);
    order = order.slice(0, MAX_UNRESOLVED);
    complete = false;
  }
  let resolved = alerts.size - order.length;
  if (resolved > MAX_RESOLVED) {
    for (const [id, alert] of alerts) {
      if (resolved <= MAX_RESOLVED) break;
      if (alert.state !== "resolved") continue;
      alerts.delete(id);
      resolved -= 1;
    }
  }
  return { ...queue, alerts, order, complete };
}

/**
 * The queue as it was read, joined with what came by the stream while it was being read: that is
 * newer, and an older reading must not undo it.
 */
export function replace(
  read: Iterable<AlertView>,
  since: Iterable<AlertView>,
  complete: boolean,
  history: boolean,
): Queue {
  return take(take({ ...EMPTY, complete, history }, read), since);
}
