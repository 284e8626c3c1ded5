/** A procedure as a checklist: what the document says, what was done, what is being asked. Pure. */
import type { AlertView, StepDone, ZoneProcedure } from "@/api/types";

/** What was asked of a step here. after: the revision whose successor has it; null: on its way. */
export interface Asked {
  done: boolean;
  after: number | null;
}

export interface Line {
  step_id: string;
  text: string;
  /** What the box shows. */
  checked: boolean;
  /** Who did it and when; null while that is not known. */
  done: StepDone | null;
  /** An answer is still to come. */
  waiting: boolean;
}

export interface ZoneLines {
  zone_id: string | null;
  lines: Line[];
}

type Moment = Pick<AlertView, "procedure" | "revision">;

export function checklist(
  zones: readonly ZoneProcedure[],
  alert: Moment,
  asked: ReadonlyMap<string, Asked>,
): ZoneLines[] {
  const known = new Map(alert.procedure.map((one) => [one.step_id, one]));
  return zones.map(({ zone_id, steps }) => ({
    zone_id,
    lines: steps.map(({ step_id, text }) => {
      const done = known.get(step_id) ?? null;
      const own = asked.get(step_id);
      // What was answered counts until the alert itself says it, or says something newer.
      const fresh = own && (own.after === null || alert.revision <= own.after) ? own : null;
      const checked = fresh ? fresh.done : done !== null;
      return {
        step_id,
        text,
        checked,
        done: checked ? done : null,
        waiting: fresh !== null && fresh.after === null,
      };
    }),
  }));
}

export interface Progress {
  done: number;
  count: number;
  /** The last one that was done, as far as it is known by whom. */
  last: { text: string; by: string } | null;
}

export function progress(zones: readonly ZoneLines[]): Progress {
  const lines = zones.flatMap((zone) => zone.lines);
  const told = lines.filter((line) => line.done !== null);
  told.sort((a, b) => Date.parse(a.done?.at ?? "") - Date.parse(b.done?.at ?? ""));
  const last = told.at(-1);
  return {
    done: lines.filter((line) => line.checked).length,
    count: lines.length,
    last: last?.done ? { text: last.text, by: last.done.by } : null,
  };
}
