/** Which alerts of the queue are shown. Pure. */
import type { AlertState, AlertView, SavedFilter, Severity } from "@/api/types";
import type { Queue } from "@/stream/queue";

export interface Filter {
  /** Words that all have to be in what an alert says of itself. */
  text: string;
  /** None: all. */
  severities: readonly Severity[];
  states: readonly AlertState[];
  /** Whether what is snoozed is shown too. */
  snoozed: boolean;
}

export const EVERYTHING: Filter = { text: "", severities: [], states: [], snoozed: false };

/** What is kept under a name, as it is worked with. */
export function filterOf(saved: SavedFilter): Filter {
  return {
    text: saved.text,
    severities: saved.severities,
    states: saved.states,
    snoozed: saved.snoozed,
  };
}

const said = new WeakMap<AlertView, string>();

/** Everything that is searched in, in lower case; made once for each revision of an alert. */
function haystack(alert: AlertView): string {
  let found = said.get(alert);
  if (found === undefined) {
    found = [
      alert.event_type.replaceAll("_", " "),
      alert.label,
      alert.site_name,
      alert.site_id,
      alert.camera_name,
      alert.camera_id,
      alert.device_name,
      alert.device_id,
      alert.zone_id,
      alert.severity,
      alert.assigned_to,
      alert.acknowledged_by,
      alert.alert_id,
    ]
      .filter(Boolean)
      .join("\n")
      .toLowerCase();
    said.set(alert, found);
  }
  return found;
}

export function snoozed(alert: AlertView, now: number): boolean {
  return alert.snoozed_until !== null && Date.parse(alert.snoozed_until) > now;
}

/** The words of a search, in lower case. */
export function terms(text: string): string[] {
  return text.toLowerCase().split(/\s+/).filter(Boolean);
}

export function matches(
  alert: AlertView,
  filter: Filter,
  words: readonly string[],
  now: number,
): boolean {
  if (filter.severities.length && !filter.severities.includes(alert.severity)) return false;
  if (filter.states.length && !filter.states.includes(alert.state)) return false;
  if (!filter.snoozed && snoozed(alert, now)) return false;
  if (!words.length) return true;
  const text = haystack(alert);
  return words.every((word) => text.includes(word));
}

export interface Shown {
  /** In the queue's order. */
  alerts: readonly AlertView[];
  /** How many others an alert leads; they are not shown by themselves. */
  led: ReadonlyMap<string, number>;
}

/** What is shown. A member of an incident is told by the alert that leads it, while that is open. */
export function select(queue: Queue, filter: Filter, now: number): Shown {
  const words = terms(filter.text);
  const alerts: AlertView[] = [];
  const led = new Map<string, number>();
  for (const id of queue.order) {
    const alert = queue.alerts.get(id);
    if (!alert) continue;
    if (alert.incident && alert.incident !== id) {
      const leader = queue.alerts.get(alert.incident);
      if (leader && leader.state !== "resolved") {
        led.set(alert.incident, (led.get(alert.incident) ?? 0) + 1);
        continue;
      }
    }
    if (matches(alert, filter, words, now)) alerts.push(alert);
  }
  return { alerts, led };
}
