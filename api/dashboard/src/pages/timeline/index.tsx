/** What happened in a stretch of time: events, alerts, and what could not be seen. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { useSearchParams } from "react-router";
import { ask } from "@/api/client";
import { useSite } from "@/shell/site";
import { useCameras, useNow } from "@/stream/context";
import { Button, EmptyState, ErrorState, Loading, Page, useClock } from "@/ui/basics";
import { useKeys } from "@/ui/keys";
import "@/ui/notes.css";
import { useShownZone } from "@/ui/shown-zone";
import type { TimelineView } from "./api";
import { Chart } from "./chart";
import { Detail } from "./detail";
import { type Item, items, lanes, step } from "./items";
import { List } from "./list";
import { around, PRESETS, pan, type Range, stretch, zoom } from "./scale";
import "./timeline.css";

const DAY = 86_400_000;
const EVERY_MS = 15_000;

export default function Timeline() {
  const { t } = useTranslation("timeline");
  const { site, camera, setCamera } = useWhere();
  const [range, setRange] = useState<Range>({ length: DAY / 4, end: null });
  const [picked, setPicked] = useState<string | null>(null);
  const [pointed, setPointed] = useState<string | null>(null);
  const clock = useClock();
  const zone = useShownZone(site);
  const now = useNow(60_000);
  const cameras = useCameras();
  const { data, error, refetch, isFetching } = useTimeline(site, camera, range);
  const found = useMemo(() => (data ? items(data) : NOTHING), [data]);
  const several = !site && new Set(data?.lanes.map((lane) => lane.site_id)).size > 1;
  const shown = useMemo(
    () => (data ? lanes(data, found, cameras, several) : []),
    [data, found, cameras, several],
  );
  const current = found.find((item) => item.id === (pointed ?? picked)) ?? null;

  const pick = (item: Item | null) => {
    if (!item) return;
    setPicked(item.id);
    const { from, to } = stretch(range, now);
    const at = item.from ?? item.to;
    if (at !== null && (at < from || at > to)) setRange(around(range, at, now));
  };
  const moved = (share: number) => setRange(pan(range, share, now));
  const zoomed = (factor: number, anchor = range.end === null ? 1 : 0.5) =>
    setRange(zoom(range, factor, anchor, now));
  const earlier = () => moved(-0.25);
  const later = () => moved(0.25);
  useKeys({
    ArrowLeft: earlier,
    ArrowRight: later,
    "+": () => zoomed(0.5),
    "=": () => zoomed(0.5),
    "-": () => zoomed(2),
    "0": () => setRange({ ...range, end: null }),
    n: () => pick(step(found, picked, 1)),
    p: () => pick(step(found, picked, -1)),
  });
  return (
    <Page
      title={t("nav")}
      actions={
        <>
          <CameraPicker site={site} camera={camera} pick={setCamera} />
          <fieldset className="densities">
            <legend className="hidden-text">{t("length")}</legend>
            {PRESETS.map(([name, ms]) => (
              <Button
                key={name}
                aria-pressed={range.length === ms}
                onClick={() => setRange({ length: ms, end: range.end })}
              >
                {t(`presets.${name}`)}
              </Button>
            ))}
          </fieldset>
          <span className="spring" />
          <Button onClick={() => moved(-0.5)} aria-label={t("back")} hint="←" />
          <Button onClick={() => moved(0.5)} aria-label={t("forward")} hint="→" />
          <Button onClick={() => zoomed(0.5)} aria-label={t("closer")} hint="+" />
          <Button onClick={() => zoomed(2)} aria-label={t("farther")} hint="-" />
          <Button
            aria-pressed={range.end === null}
            onClick={() => setRange({ ...range, end: null })}
            hint="0"
          >
            {t("now")}
          </Button>
        </>
      }
    >
      {error && !data ? <ErrorState error={error} again={() => void refetch()} /> : null}
      {error && data ? (
        <p className="note bad" role="alert">
          {t("old", { why: error.message })}
        </p>
      ) : null}
      {!data && !error ? <Loading /> : null}
      {data ? (
        <>
          <Partial view={data} />
          <Chart
            view={data}
            lanes={shown}
            zone={zone}
            language={clock.language}
            busy={isFetching}
            picked={picked}
            pick={pick}
            point={setPointed}
            pan={moved}
            zoom={zoomed}
          />
          {found.length ? (
            <div className="timeline-below">
              <List items={found} picked={picked} pick={pick} point={setPointed} />
              <Detail item={current} />
            </div>
          ) : (
            <EmptyState title={t("nothing")} />
          )}
        </>
      ) : null}
    </Page>
  );
}

const NOTHING: Item[] = [];

/** The site of the whole window, and the camera of the address. */
function useWhere() {
  const { site, pick } = useSite();
  const [query, setQuery] = useSearchParams();
  const asked = query.get("site");
  useEffect(() => {
    if (asked === null) return;
    // A link names a site: from then on it is the one that is looked at everywhere.
    pick(asked);
    setQuery(
      (before) => {
        before.delete("site");
        return before;
      },
      { replace: true },
    );
  }, [asked, pick, setQuery]);
  const setCamera = (camera: string) =>
    setQuery(
      (before) => {
        if (camera) before.set("camera", camera);
        else before.delete("camera");
        return before;
      },
      { replace: true },
    );
  return { site: asked ?? site, camera: query.get("camera") ?? "", setCamera };
}

function useTimeline(site: string, camera: string, range: Range) {
  return useQuery({
    queryKey: ["timeline", site, camera, range],
    queryFn: ({ signal }) => {
      // Who follows the present lets the server say when that is.
      const end = range.end;
      const { from, to } = stretch(range, Date.now());
      return ask<TimelineView>("/v1/timeline", {
        query: {
          site_id: site || null,
          camera_id: camera || null,
          from: new Date(from).toISOString(),
          to: end === null ? null : new Date(to).toISOString(),
        },
        signal,
      });
    },
    refetchInterval: range.end === null ? EVERY_MS : false,
    placeholderData: keepPreviousData,
  });
}

interface PickerProps {
  site: string;
  camera: string;
  pick: (camera: string) => void;
}

function CameraPicker({ site, camera, pick }: PickerProps) {
  const { t } = useTranslation("timeline");
  const cameras = useCameras();
  const there = [...cameras.values()].filter((one) => !site || one.site_id === site);
  const ids = [...new Set([...there.map((one) => one.camera_id), ...(camera ? [camera] : [])])];
  const names = new Map(there.map((one) => [one.camera_id, one.name]));
  return (
    <label>
      <span className="hidden-text">{t("camera")}</span>
      <select className="input" value={camera} onChange={(event) => pick(event.target.value)}>
        <option value="">{t("everyCamera")}</option>
        {ids.sort().map((id) => (
          <option key={id} value={id}>
            {names.get(id) ?? id}
          </option>
        ))}
      </select>
    </label>
  );
}

/** What is not shown, where that is so. */
function Partial({ view }: { view: TimelineView }) {
  const { t } = useTranslation("timeline");
  const missing = [
    view.lanes_complete ? null : t("partial.lanes", { count: view.lanes.length }),
    view.events_complete ? null : t("partial.events"),
    view.alerts_complete ? null : t("partial.alerts", { count: view.alerts.length }),
    view.spans_complete ? null : t("partial.spans"),
  ].filter(Boolean);
  return missing.length ? <p className="note">{missing.join(" ")}</p> : null;
}
