/** Whether, and with what words, an alert asks for attention. Pure where it decides. */
import type { AlertView, Severity } from "@/api/types";
import { place, title } from "@/lib/alert";
import { recall, remember } from "@/lib/store";

export interface Attention {
  sound: boolean;
  notify: boolean;
  /** What is less severe than this asks for none. */
  least: Severity;
}

export const SEVERITIES: readonly Severity[] = ["info", "low", "medium", "high", "critical"];
const QUIET: Attention = { sound: false, notify: false, least: "high" };

export function attention(): Attention {
  return { ...QUIET, ...recall<Partial<Attention>>("attention", {}) };
}

export function setAttention(wanted: Attention): void {
  remember("attention", wanted);
}

/** Those that are worth it: open, not held back from telling, and severe enough. */
export function worth(opened: readonly AlertView[], least: Severity): AlertView[] {
  const floor = SEVERITIES.indexOf(least);
  return opened.filter(
    (one) =>
      one.state === "open" && one.quiet === null && SEVERITIES.indexOf(one.severity) >= floor,
  );
}

/** Two short tones, the second higher: heard, and not mistaken for the room's own. */
export function beep(): void {
  const audio = new AudioContext();
  [660, 880].forEach((pitch, at) => {
    const tone = audio.createOscillator();
    const loud = audio.createGain();
    const begin = audio.currentTime + at * 0.16;
    tone.frequency.value = pitch;
    loud.gain.setValueAtTime(0.0001, begin);
    loud.gain.exponentialRampToValueAtTime(0.2, begin + 0.02);
    loud.gain.exponentialRampToValueAtTime(0.0001, begin + 0.14);
    tone.connect(loud).connect(audio.destination);
    tone.start(begin);
    tone.stop(begin + 0.15);
  });
  setTimeout(() => void audio.close(), 1_000);
}

/** One notification for each, or one for many: a storm fills no screen. */
export function show(alerts: readonly AlertView[], many: (count: number) => string): void {
  if (!("Notification" in window) || Notification.permission !== "granted") return;
  if (alerts.length > 3) {
    new Notification(many(alerts.length), { tag: "watchfloor" });
    return;
  }
  for (const one of alerts) {
    const told = new Notification(title(one), { body: place(one), tag: one.alert_id });
    told.onclick = () => window.focus();
  }
}
