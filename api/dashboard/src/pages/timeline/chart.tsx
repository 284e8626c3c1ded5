/** The lanes: how many events there were, alerts as long as they were open, and what was not seen. */
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { clock, day } from "@/lib/time";
import { words } from "@/lib/words";
import type { TimelineView } from "./api";
import { bars, type Item, type LaneShown } from "./items";
import { place, type Stretch, ticks } from "./scale";

interface ChartProps {
  view: TimelineView;
  lanes: readonly LaneShown[];
  zone: string;
  language: string;
  busy: boolean;
  picked: string | null;
  pick: (item: Item) => void;
  point: (id: string | null) => void;
  pan: (share: number) => void;
  zoom: (factor: number, anchor: number) => void;
}

const MARKS = 8;
const DAY = 86_400_000;

export function Chart(props: ChartProps) {
  const { t } = useTranslation("timeline");
  const { view, lanes, zone, language } = props;
  const shown: Stretch = { from: Date.parse(view.from), to: Date.parse(view.to) };
  const most = Math.max(0, ...lanes.flatMap((lane) => lane.events));
  const marks = ticks(shown, zone, MARKS);
  const plot = usePointer(props.pan, props.zoom);
  // A name at the very edge would be cut.
  const whollySeen = (at: number) => Math.abs(place(at, shown) - 0.5) < 0.475;
  const whole = shown.to - shown.from > 2 * DAY;
  const total = lanes.reduce((sum, lane) => sum + lane.total, 0);
  const alerts = lanes.reduce((sum, lane) => sum + lane.alerts.length, 0);
  return (
    <figure className="timeline live" aria-busy={props.busy}>
      <figcaption className="quiet">
        {t("summary", {
          from: `${day(shown.from, zone, language)} ${clock(shown.from, zone, language)}`,
          to: `${day(shown.to, zone, language)} ${clock(shown.to, zone, language)}`,
          zone,
          events: total,
          alerts,
        })}
      </figcaption>
      <div className="plot" ref={plot}>
        <div className="marks" aria-hidden="true">
          {marks.filter(whollySeen).map((at) => (
            <span key={at} style={{ left: `${100 * place(at, shown)}%` }}>
              {whole ? day(at, zone, language) : clock(at, zone, language).slice(0, 5)}
            </span>
          ))}
        </div>
        {lanes.map((lane) => (
          <Lane key={lane.key} lane={lane} shown={shown} most={most} marks={marks} {...props} />
        ))}
      </div>
      <p className="legend quiet">
        <span className="key" data-kind="events" /> {t("legend.events")}
        <span className="key" data-kind="alert" /> {t("legend.alert")}
        <span className="key" data-kind="blind" /> {t("legend.blind")}
        <span className="key" data-kind="down" /> {t("legend.down")}
      </p>
    </figure>
  );
}

interface LaneProps extends ChartProps {
  lane: LaneShown;
  shown: Stretch;
  most: number;
  marks: readonly number[];
}

function Lane({ lane, shown, most, marks, view, picked, pick, point }: LaneProps) {
  const { t } = useTranslation("timeline");
  return (
    <div className="lane">
      <span className="lane-name" title={lane.name}>
        {lane.name}
      </span>
      <div className="track">
        {marks.map((at) => (
          <i key={at} style={{ left: `${100 * place(at, shown)}%` }} />
        ))}
        {lane.conditions.map((item) => (
          <Bar key={item.id} item={item} shown={shown} picked={picked} pick={pick} point={point} />
        ))}
        <svg
          viewBox="0 0 1 1"
          preserveAspectRatio="none"
          role="img"
          aria-label={t("laneLabel", {
            name: lane.name,
            events: lane.total,
            alerts: lane.alerts.length,
          })}
        >
          <path d={bars(lane.events, most, view.bucket_s, shown.from, shown.to)} />
        </svg>
        {lane.alerts.map((item) => (
          <Bar key={item.id} item={item} shown={shown} picked={picked} pick={pick} point={point} />
        ))}
        {lane.moments
          .filter((item) => item.picture)
          .map((item) => (
            <Bar
              key={item.id}
              item={item}
              shown={shown}
              picked={picked}
              pick={pick}
              point={point}
            />
          ))}
      </div>
    </div>
  );
}

interface BarProps {
  item: Item;
  shown: Stretch;
  picked: string | null;
  pick: (item: Item) => void;
  point: (id: string | null) => void;
}

/** For a pointer: the list beside it is the same for the keyboard. */
function Bar({ item, shown, picked, pick, point }: BarProps) {
  const left = Math.max(0, item.from === null ? 0 : place(item.from, shown));
  const right = Math.min(1, item.to === null ? 1 : place(item.to, shown));
  if (left > 1 || right < 0) return null;
  return (
    <span
      className="bar"
      data-kind={item.kind}
      data-severity={item.severity ?? undefined}
      data-condition={item.condition ?? undefined}
      data-picked={picked === item.id ? "" : undefined}
      aria-hidden="true"
      title={words(item.type)}
      style={{ left: `${100 * left}%`, width: `${100 * Math.max(0, right - left)}%` }}
      onClick={() => pick(item)}
      onPointerEnter={() => point(item.id)}
      onPointerLeave={() => point(null)}
    />
  );
}

/** Dragging moves; the wheel with Ctrl zooms around the pointer. */
function usePointer(pan: (share: number) => void, zoom: (factor: number, anchor: number) => void) {
  const plot = useRef<HTMLDivElement>(null);
  const act = useRef({ pan, zoom });
  act.current = { pan, zoom };
  useEffect(() => {
    const element = plot.current;
    if (!element) return;
    let began: number | null = null;
    const track = () =>
      element.querySelector(".track")?.getBoundingClientRect() ?? element.getBoundingClientRect();
    const wheel = (event: WheelEvent) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const box = track();
      const anchor = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
      act.current.zoom(event.deltaY > 0 ? 1.25 : 0.8, anchor);
    };
    const down = (event: PointerEvent) => {
      if (event.button === 0) began = event.clientX;
    };
    const up = (event: PointerEvent) => {
      if (began === null) return;
      const share = (began - event.clientX) / track().width;
      began = null;
      // A click moves by nothing worth a name.
      if (Math.abs(share) > 0.01) act.current.pan(share);
    };
    // React's own wheel listener is passive, and could not keep the browser from zooming the page.
    element.addEventListener("wheel", wheel, { passive: false });
    element.addEventListener("pointerdown", down);
    addEventListener("pointerup", up);
    return () => {
      element.removeEventListener("wheel", wheel);
      element.removeEventListener("pointerdown", down);
      removeEventListener("pointerup", up);
    };
  }, []);
  return plot;
}
