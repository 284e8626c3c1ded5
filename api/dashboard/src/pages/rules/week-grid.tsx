/** A week of half hours, painted by pointer or by keyboard. */
import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Window } from "./document";
import {
  CELL,
  CELLS,
  covered,
  DAYS,
  hours,
  painted,
  type Stretch,
  stretches,
  windows,
} from "./week";

interface Props {
  value: readonly Window[];
  readOnly: boolean;
  change: (windows: Window[]) => void;
}

type Cell = [day: number, cell: number];

const clock = (cell: number) => {
  const minute = cell * CELL;
  return `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;
};

export function WeekGrid({ value, readOnly, change }: Props) {
  const { t } = useTranslation("rules");
  const found = useMemo(() => stretches(value), [value]);
  const [focus, setFocus] = useState<Cell>([0, 0]);
  const [brush, setBrush] = useState<{ from: Cell; to: Cell; on: boolean } | null>(null);
  const body = useRef<HTMLTableSectionElement>(null);
  const shown = brush ? painted(found, brush.from, brush.to, brush.on) : found;

  const commit = () => {
    if (!brush) return;
    setBrush(null);
    change(windows(shown));
  };
  useEffect(() => {
    if (!brush) return;
    // Let go outside of the grid, it is let go all the same.
    addEventListener("pointerup", commit);
    return () => removeEventListener("pointerup", commit);
  });

  const look = ([day, cell]: Cell) => {
    const next: Cell = [Math.min(6, Math.max(0, day)), Math.min(CELLS - 1, Math.max(0, cell))];
    setFocus(next);
    body.current
      ?.querySelector<HTMLElement>(`[data-cell="${next[0]} ${next[1]}"]`)
      ?.focus({ preventScroll: false });
    return next;
  };
  const keys = (event: KeyboardEvent) => {
    const [day, cell] = focus;
    const steps: Record<string, Cell> = {
      ArrowLeft: [day, cell - 1],
      ArrowRight: [day, cell + 1],
      ArrowUp: [day - 1, cell],
      ArrowDown: [day + 1, cell],
      Home: [day, 0],
      End: [day, CELLS - 1],
    };
    const step = steps[event.key];
    if (step) {
      const on = covered(found, day, cell) !== "none";
      const to = look(step);
      // With Shift the cell goes along: what it is, the next one becomes.
      if (event.shiftKey && !readOnly) change(windows(painted(found, to, to, on)));
    } else if ((event.key === " " || event.key === "Enter") && !readOnly) {
      change(windows(painted(found, focus, focus, covered(found, day, cell) !== "all")));
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };

  return (
    <div className="rules-week">
      {/* biome-ignore lint/a11y/noNoninteractiveElementToInteractiveRole: a table that is worked in */}
      <table role="grid" aria-label={t("week.label")} aria-readonly={readOnly}>
        <thead>
          <tr>
            <td />
            {Array.from({ length: 24 }, (_, hour) => hour).map((hour) => (
              <th key={hour} colSpan={2} scope="col">
                {hour % 3 ? "" : hour}
              </th>
            ))}
          </tr>
        </thead>
        <tbody ref={body} onKeyDown={keys}>
          {DAYS.map((name, day) => (
            <Row
              key={name}
              day={day}
              name={t(`week.days.${name}`)}
              found={shown}
              focus={focus[0] === day ? focus[1] : null}
              focused={(cell) => setFocus([day, cell])}
              pressed={(cell) => {
                if (readOnly) return;
                const on = covered(found, day, cell) !== "all";
                setBrush({ from: [day, cell], to: [day, cell], on });
              }}
              entered={(cell) => setBrush(brush && { ...brush, to: [day, cell] })}
            />
          ))}
        </tbody>
      </table>
      <p className="quiet">
        {shown.length
          ? t("week.hours", { count: Math.round(hours(shown) * 10) / 10 })
          : t("week.none")}
        {": "}
        {windows(shown)
          .map(
            (one) =>
              `${one.days.map((day) => t(`week.short.${day}`)).join(" ")} ${one.start}–${one.end}`,
          )
          .join("; ")}
      </p>
    </div>
  );
}

interface RowProps {
  day: number;
  name: string;
  found: readonly Stretch[];
  focus: number | null;
  focused: (cell: number) => void;
  pressed: (cell: number) => void;
  entered: (cell: number) => void;
}

function Row({ day, name, found, focus, focused, pressed, entered }: RowProps) {
  return (
    <tr>
      <th scope="row">{name}</th>
      {Array.from({ length: CELLS }, (_, cell) => cell).map((cell) => {
        const state = covered(found, day, cell);
        return (
          <td
            key={cell}
            // biome-ignore lint/a11y/noNoninteractiveElementToInteractiveRole: a grid's cell is pressed
            role="gridcell"
            data-cell={`${day} ${cell}`}
            data-state={state}
            aria-selected={state === "all"}
            aria-label={`${name} ${clock(cell)}–${clock(cell + 1)}`}
            tabIndex={focus === cell ? 0 : -1}
            onFocus={() => focused(cell)}
            onPointerDown={(event) => {
              // Touch would keep the pointer on the first cell.
              event.currentTarget.releasePointerCapture(event.pointerId);
              pressed(cell);
            }}
            onPointerEnter={(event) => {
              if (event.buttons) entered(cell);
            }}
          />
        );
      })}
    </tr>
  );
}
