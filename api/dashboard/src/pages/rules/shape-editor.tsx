/**
 * Zones over a camera's picture. What a pointer does a keyboard does too: every point of the chosen
 * zone is a button that arrow keys move, and a new shape is drawn with a cross hair.
 */
import { type KeyboardEvent, type PointerEvent, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Picture } from "@/ui/picture";
import type { Point, Zone } from "./document";
import {
  arrow,
  CLOSE,
  clamp,
  LEAST_POINTS,
  middle,
  movePoint,
  moveShape,
  removePoint,
  splitEdge,
} from "./geometry";

interface Props {
  camera: string;
  name: string;
  pictureUrl: string;
  zones: readonly Zone[];
  chosen: string | null;
  choose: (zoneId: string) => void;
  /** Whether a new shape is being drawn for the chosen zone. */
  drawing: boolean;
  readOnly: boolean;
  /** A shape that is being moved (settled: false), and where it came to lie. */
  change: (points: Point[], settled: boolean) => void;
  drawn: (points: Point[] | null) => void;
}

const text = (points: readonly Point[]) => points.map(([x, y]) => `${x},${y}`).join(" ");
const percent = (value: number) => `${value * 100}%`;

export function ShapeEditor(props: Props) {
  const { t } = useTranslation("rules");
  const { camera, zones, chosen, drawing, readOnly } = props;
  const surface = useRef<HTMLDivElement>(null);
  const shapes = zones.flatMap((zone) => {
    const points = zone.polygons?.[camera];
    return points ? [{ zone, points }] : [];
  });
  const mine = shapes.find((one) => one.zone.zone_id === chosen);

  const at = (event: PointerEvent): Point => {
    const box = surface.current?.getBoundingClientRect();
    if (!box?.width || !box.height) return [0, 0];
    return clamp([(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height]);
  };

  return (
    <div className="rules-surface" ref={surface}>
      <Picture url={props.pictureUrl} what={props.name} />
      <svg viewBox="0 0 1 1" preserveAspectRatio="none" aria-hidden="true" className="rules-shapes">
        {shapes.map(({ zone, points }) => (
          <Shape
            key={zone.zone_id}
            points={points}
            chosen={zone.zone_id === chosen}
            still={readOnly || drawing}
            at={at}
            choose={() => props.choose(zone.zone_id)}
            move={props.change}
          />
        ))}
      </svg>
      {shapes.map(({ zone, points }) => (
        <Name key={zone.zone_id} points={points} text={zone.zone_id} />
      ))}
      {mine && !drawing && !readOnly ? (
        <Handles
          key={`${chosen} ${camera}`}
          zoneId={mine.zone.zone_id}
          points={mine.points}
          at={at}
          change={props.change}
        />
      ) : null}
      {drawing ? <Drawing at={at} drawn={props.drawn} label={t("draw.surface")} /> : null}
    </div>
  );
}

function Name({ points, text: name }: { points: readonly Point[]; text: string }) {
  const [x, y] = middle(points);
  return (
    <span className="rules-name" aria-hidden="true" style={{ left: percent(x), top: percent(y) }}>
      {name}
    </span>
  );
}

interface ShapeProps {
  points: Point[];
  chosen: boolean;
  still: boolean;
  at: (event: PointerEvent) => Point;
  choose: () => void;
  move: (points: Point[], settled: boolean) => void;
}

function Shape({ points, chosen, still, at, choose, move }: ShapeProps) {
  const held = useRef<{ from: Point; points: Point[] } | null>(null);
  const to = (event: PointerEvent): Point[] | null => {
    if (!held.current) return null;
    const [x, y] = at(event);
    const { from, points: before } = held.current;
    return moveShape(before, x - from[0], y - from[1]);
  };
  return (
    <polygon
      points={text(points)}
      data-chosen={chosen}
      onPointerDown={(event) => {
        choose();
        if (!chosen || still) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        held.current = { from: at(event), points };
      }}
      onPointerMove={(event) => {
        const found = to(event);
        if (found) move(found, false);
      }}
      onPointerUp={(event) => {
        const found = to(event);
        held.current = null;
        if (found) move(found, true);
      }}
      onPointerCancel={() => {
        if (held.current) move(held.current.points, true);
        held.current = null;
      }}
    />
  );
}

interface HandleProps {
  zoneId: string;
  points: Point[];
  at: (event: PointerEvent) => Point;
  change: (points: Point[], settled: boolean) => void;
}

function Handles({ zoneId, points, at, change }: HandleProps) {
  const { t } = useTranslation("rules");
  const buttons = useRef<(HTMLButtonElement | null)[]>([]);
  const [focus, setFocus] = useState<number | null>(null);
  useEffect(() => {
    // A point that is gone or new leaves the focus on its neighbour or itself.
    if (focus !== null) buttons.current[Math.min(focus, points.length - 1)]?.focus();
    setFocus(null);
  }, [focus, points.length]);

  const keys = (event: KeyboardEvent, index: number) => {
    const step = arrow(event.key, event.shiftKey);
    const point = points[index] as Point;
    if (step) {
      change(movePoint(points, index, [point[0] + step[0], point[1] + step[1]]), true);
    } else if (event.key === "Delete" || event.key === "Backspace") {
      change(removePoint(points, index), true);
      setFocus(index);
    } else if (event.key === "Insert" || event.key === "+") {
      change(splitEdge(points, index), true);
      setFocus(index + 1);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  const whole = (event: KeyboardEvent) => {
    const step = arrow(event.key, event.shiftKey);
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    change(moveShape(points, step[0], step[1]), true);
  };
  const [x, y] = middle(points);
  return (
    <>
      <button
        type="button"
        className="rules-grip"
        style={{ left: percent(x), top: percent(y) }}
        aria-label={t("draw.whole", { zone: zoneId })}
        onKeyDown={whole}
      />
      {points.map((point, index) => (
        <Handle
          key={index}
          point={point}
          label={t("draw.point", {
            number: index + 1,
            count: points.length,
            zone: zoneId,
            x: Math.round(point[0] * 100),
            y: Math.round(point[1] * 100),
          })}
          took={(button) => {
            buttons.current[index] = button;
          }}
          keys={(event) => keys(event, index)}
          at={at}
          move={(to, settled) => change(movePoint(points, index, to), settled)}
        />
      ))}
      {points.map((point, index) => {
        const next = points[(index + 1) % points.length] as Point;
        return (
          <button
            key={index}
            type="button"
            className="rules-split"
            // By keyboard it is Insert on the point before it.
            tabIndex={-1}
            aria-hidden="true"
            style={{
              left: percent((point[0] + next[0]) / 2),
              top: percent((point[1] + next[1]) / 2),
            }}
            onClick={() => {
              change(splitEdge(points, index), true);
              setFocus(index + 1);
            }}
          />
        );
      })}
    </>
  );
}

interface OneHandle {
  point: Point;
  label: string;
  took: (button: HTMLButtonElement | null) => void;
  keys: (event: KeyboardEvent) => void;
  at: (event: PointerEvent) => Point;
  move: (to: Point, settled: boolean) => void;
}

function Handle({ point, label, took, keys, at, move }: OneHandle) {
  const held = useRef<Point | null>(null);
  return (
    <button
      type="button"
      className="rules-handle"
      ref={took}
      style={{ left: percent(point[0]), top: percent(point[1]) }}
      aria-label={label}
      onKeyDown={keys}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        held.current = point;
      }}
      onPointerMove={(event) => {
        if (held.current) move(at(event), false);
      }}
      onPointerUp={(event) => {
        if (held.current) move(at(event), true);
        held.current = null;
      }}
      onPointerCancel={() => {
        if (held.current) move(held.current, true);
        held.current = null;
      }}
    />
  );
}

interface DrawingProps {
  at: (event: PointerEvent) => Point;
  drawn: (points: Point[] | null) => void;
  label: string;
}

/** A shape point by point. Space sets one, Enter or the first point closes, Escape gives up. */
function Drawing({ at, drawn, label }: DrawingProps) {
  const { t } = useTranslation("rules");
  const surface = useRef<HTMLButtonElement>(null);
  const [points, setPoints] = useState<Point[]>([]);
  const [cross, setCross] = useState<Point>([0.5, 0.5]);
  useEffect(() => surface.current?.focus(), []);

  const close = () => {
    if (points.length >= LEAST_POINTS) drawn(points);
  };
  const put = (point: Point) => {
    const first = points[0];
    const near = first && (first[0] - point[0]) ** 2 + (first[1] - point[1]) ** 2 < CLOSE;
    if (near && points.length >= LEAST_POINTS) close();
    else if (!points.some((one) => String(one) === String(point))) setPoints([...points, point]);
  };
  const keys = (event: KeyboardEvent) => {
    const step = arrow(event.key, event.shiftKey);
    if (step) setCross(clamp([cross[0] + step[0], cross[1] + step[1]]));
    else if (event.key === " ") put(cross);
    else if (event.key === "Enter") close();
    else if (event.key === "Backspace") setPoints(points.slice(0, -1));
    else if (event.key === "Escape") drawn(null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <>
      <svg
        viewBox="0 0 1 1"
        preserveAspectRatio="none"
        aria-hidden="true"
        className="rules-drawing"
      >
        <polyline points={text([...points, cross])} />
        <line x1={cross[0]} x2={cross[0]} y1="0" y2="1" className="cross" />
        <line x1="0" x2="1" y1={cross[1]} y2={cross[1]} className="cross" />
      </svg>
      {points.map((point, index) => (
        <span
          key={String(point)}
          className="rules-handle"
          data-first={index === 0}
          aria-hidden="true"
          style={{ left: percent(point[0]), top: percent(point[1]) }}
        />
      ))}
      <button
        type="button"
        ref={surface}
        className="rules-canvas"
        aria-label={label}
        onKeyDown={keys}
        onPointerMove={(event) => setCross(at(event))}
        onPointerDown={(event) => {
          event.preventDefault();
          surface.current?.focus();
          put(at(event));
        }}
      />
      <span className="hidden-text" role="status">
        {t("draw.now", {
          count: points.length,
          x: Math.round(cross[0] * 100),
          y: Math.round(cross[1] * 100),
        })}
      </span>
    </>
  );
}
