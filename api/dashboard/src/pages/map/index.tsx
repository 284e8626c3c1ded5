/** Cameras and devices where they are: on the plans of a site, and on earth. */
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { all, ask } from "@/api/client";
import { useSession } from "@/api/session";
import { useSite } from "@/shell/site";
import { useCameras, useQueue } from "@/stream/context";
import { Button, EmptyState, ErrorState, Loading, Page, Severity } from "@/ui/basics";
import { LivePicture } from "@/ui/live-picture";
import "@/ui/notes.css";
import { type Ring, rings } from "@/ui/rings";
import type { PlacesView, PlaceView } from "./api";
import { EARTH, type Sheet, sheets } from "./geometry";
import "./map.css";
import { SheetMap, type Told } from "./sheet";
import { Upload } from "./upload";

interface Health {
  site_id: string;
  device_id: string;
  severity: string;
}

const MOST = 5_000;

export default function Places() {
  const { t } = useTranslation("map");
  const { site } = useSite();
  const { data, error, refetch } = useQuery({
    queryKey: ["places", site],
    queryFn: ({ signal }) =>
      ask<PlacesView>("/v1/places", { query: { site_id: site || null }, signal }),
    refetchInterval: 60_000,
  });
  const found = useMemo(() => (data ? sheets(data) : []), [data]);
  const [wanted, setWanted] = useState<string | null>(null);
  const sheet = found.find((one) => one.key === wanted) ?? found[0];
  const several = new Set(found.map((one) => one.plan?.site_id)).size > 1;
  return (
    <Page
      title={t("nav")}
      actions={
        <fieldset className="densities">
          <legend className="hidden-text">{t("sheets")}</legend>
          {found.map((one) => (
            <Button
              key={one.key}
              aria-pressed={one.key === sheet?.key}
              onClick={() => setWanted(one.key)}
            >
              {one.key === EARTH
                ? t("earth")
                : several
                  ? `${one.plan?.site_id} · ${one.plan?.name}`
                  : one.plan?.name}
            </Button>
          ))}
        </fieldset>
      }
    >
      {error && !data ? <ErrorState error={error} again={() => void refetch()} /> : null}
      {!data && !error ? <Loading /> : null}
      {data && !sheet ? <EmptyState title={t("none")}>{t("noneHint")}</EmptyState> : null}
      {sheet ? <Shown sheet={sheet} tiles={data?.tiles ?? null} /> : null}
      {data?.without && sheet ? (
        <p className="quiet">{t("without", { count: data.without })}</p>
      ) : null}
    </Page>
  );
}

function useHealth(site: string): ReadonlyMap<string, string> {
  const { may } = useSession();
  const { data } = useQuery({
    queryKey: ["devices", site],
    queryFn: ({ signal }) => all<Health>("/v1/devices", { site_id: site || null }, MOST, signal),
    refetchInterval: 10_000,
    enabled: may("devices:read"),
  });
  return useMemo(
    () =>
      new Map((data?.items ?? []).map((one) => [`${one.site_id}/${one.device_id}`, one.severity])),
    [data],
  );
}

function Shown({ sheet, tiles }: { sheet: Sheet; tiles: string | null }) {
  const { t } = useTranslation("map");
  const { t: shell } = useTranslation();
  const { site } = useSite();
  const { may } = useSession();
  const queue = useQueue();
  const ringed = useMemo(() => rings(queue.alerts.values()), [queue]);
  const cameras = useCameras();
  const health = useHealth(site);
  const [picked, setPicked] = useState<string | null>(null);
  const told = (place: PlaceView): Told => {
    const key = `${place.site_id}/${place.device_id}`;
    const ring = ringed.get(key);
    const state = cameras.get(key)?.state;
    const lost = state === "lost" ? t("noFrames") : null;
    const polled = health.get(key) ?? "unknown";
    const how = polled === "unknown" && state === "connected" ? "normal" : polled;
    const said = [
      place.name,
      ring
        ? t("alerts", { count: ring.count, severity: shell(`severity.${ring.severity}`) })
        : null,
      lost ?? t(`health.${how}`, { defaultValue: how }),
    ];
    return {
      severity: ring?.severity ?? null,
      health: lost ? "critical" : how,
      text: said.filter(Boolean).join(", "),
    };
  };
  const current = sheet.places.find((place) => place.device_id === picked) ?? null;
  return (
    <div className="map-page live">
      <div>
        <SheetMap
          sheet={sheet}
          told={told}
          picked={picked}
          pick={(place) => setPicked(place.device_id)}
          tiles={tiles}
        />
        {sheet.plan && may("config:write") ? <Upload plan={sheet.plan} /> : null}
      </div>
      <div className="map-side">
        {current ? <Picked place={current} text={told(current).text} /> : null}
        <List
          places={sheet.places}
          told={told}
          rings={ringed}
          picked={picked}
          pick={(place) => setPicked(place.device_id)}
        />
      </div>
    </div>
  );
}

function Picked({ place, text }: { place: PlaceView; text: string }) {
  const { t } = useTranslation("map");
  const query = new URLSearchParams({ site: place.site_id, camera: place.device_id });
  return (
    <aside className="panel map-picked" aria-label={place.name}>
      <h2>{place.name}</h2>
      {place.kind === "camera" ? (
        <>
          <LivePicture
            site={place.site_id}
            camera={place.device_id}
            what={place.name}
            tag={null}
            everyMs={2_000}
          />
          <Link to={`/timeline?${query}`}>{t("timeline")}</Link>
        </>
      ) : null}
      <p className="quiet">{text}</p>
    </aside>
  );
}

interface ListProps {
  places: readonly PlaceView[];
  told: (place: PlaceView) => Told;
  rings: ReadonlyMap<string, Ring>;
  picked: string | null;
  pick: (place: PlaceView) => void;
}

function List({ places, told, rings: ringed, picked, pick }: ListProps) {
  const { t } = useTranslation("map");
  if (!places.length) return <EmptyState title={t("empty")} />;
  return (
    <div className="table-wrap">
      <table className="table">
        <caption className="hidden-text">{t("list")}</caption>
        <thead>
          <tr>
            <th scope="col">{t("column.name")}</th>
            <th scope="col">{t("column.health")}</th>
            <th scope="col">{t("column.looks")}</th>
            <th scope="col">{t("column.alerts")}</th>
          </tr>
        </thead>
        <tbody>
          {places.map((place) => {
            const ring = ringed.get(`${place.site_id}/${place.device_id}`);
            const { health } = told(place);
            return (
              <tr key={`${place.site_id}/${place.device_id}`}>
                <td>
                  <button
                    type="button"
                    className="as-text"
                    aria-pressed={place.device_id === picked}
                    onClick={() => pick(place)}
                  >
                    {place.name}
                  </button>
                </td>
                <td>{t(`health.${health}`, { defaultValue: health })}</td>
                <td className="number">
                  {place.heading_deg === null ? "–" : `${Math.round(place.heading_deg)}°`}
                </td>
                <td>
                  {ring ? (
                    <Link to={`/alerts/${encodeURIComponent(ring.alertId)}`}>
                      {ring.count} <Severity value={ring.severity} />
                    </Link>
                  ) : (
                    "–"
                  )}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
