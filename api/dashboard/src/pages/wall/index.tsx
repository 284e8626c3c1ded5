/** Many cameras at once: their newest pictures, how old these are, and where there are alerts. */
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { ask } from "@/api/client";
import { recall, remember } from "@/lib/store";
import { span } from "@/lib/time";
import { useSite } from "@/shell/site";
import { useCameras, useNow, useQueue } from "@/stream/context";
import { Button, EmptyState, Page, Severity } from "@/ui/basics";
import { LivePicture, type Seen } from "@/ui/live-picture";
import "@/ui/notes.css";
import { keyOf, rings } from "@/ui/rings";
import "./wall.css";
import {
  DENSITIES,
  type Density,
  freshness,
  type NewestPicture,
  type Tile as Shown,
  seenAt,
  tiles,
} from "./wall";

const EVERY_MS = 2_000;

export default function Wall() {
  const { t } = useTranslation("wall");
  const { site } = useSite();
  const cameras = useCameras();
  const queue = useQueue();
  const [density, setDensity] = useState<Density>(() => recall("wall.density", "medium"));
  const [first, setFirst] = useState<boolean>(() => recall("wall.first", true));
  const pictures = usePictures(site);
  const shown = useMemo(
    () => tiles(cameras.values(), rings(queue.alerts.values()), site, first),
    [cameras, queue, site, first],
  );
  const several = new Set(shown.map((tile) => tile.camera.site_id)).size > 1;
  const ringed = shown.filter((tile) => tile.ring).length;
  return (
    <Page
      title={t("nav")}
      actions={
        <>
          <p className="quiet" role="status">
            {t("cameras", { count: shown.length })}
            {ringed ? `, ${t("alerted", { count: ringed })}` : ""}
          </p>
          <span className="spring" />
          <label className="check">
            <input
              type="checkbox"
              checked={first}
              onChange={(event) => {
                remember("wall.first", event.target.checked);
                setFirst(event.target.checked);
              }}
            />
            {t("first")}
          </label>
          <fieldset className="densities">
            <legend className="hidden-text">{t("density")}</legend>
            {DENSITIES.map((one) => (
              <Button
                key={one}
                aria-pressed={density === one}
                onClick={() => {
                  remember("wall.density", one);
                  setDensity(one);
                }}
              >
                {t(`densities.${one}`)}
              </Button>
            ))}
          </fieldset>
        </>
      }
    >
      {shown.length ? (
        <ul className="wall live" data-density={density}>
          {shown.map((tile) => (
            <Tile
              key={tile.key}
              tile={tile}
              picture={pictures.get(tile.key) ?? null}
              several={several}
            />
          ))}
        </ul>
      ) : (
        <EmptyState title={t("none")} />
      )}
    </Page>
  );
}

/** Which pictures are new, by camera. */
function usePictures(site: string): ReadonlyMap<string, NewestPicture> {
  const { data } = useQuery({
    queryKey: ["pictures", site],
    queryFn: ({ signal }) =>
      ask<NewestPicture[]>("/v1/cameras/pictures", { query: { site_id: site || null }, signal }),
    refetchInterval: EVERY_MS,
  });
  return useMemo(() => new Map((data ?? []).map((one) => [keyOf(one), one])), [data]);
}

interface TileProps {
  tile: Shown;
  picture: NewestPicture | null;
  several: boolean;
}

function Tile({ tile, picture, several }: TileProps) {
  const { t } = useTranslation("wall");
  const { camera, ring } = tile;
  const [seen, setSeen] = useState<Seen | null>(null);
  const query = new URLSearchParams({ site: camera.site_id, camera: camera.camera_id });
  const name = several ? `${camera.site_id} · ${camera.name}` : camera.name;
  const at = seen ? seen.at : picture ? seenAt(picture) : null;
  return (
    <li className="tile" data-severity={ring?.severity} data-ringed={ring ? "" : undefined}>
      <Link to={`/timeline?${query}`} title={t("open", { name })}>
        <LivePicture
          site={camera.site_id}
          camera={camera.camera_id}
          what={name}
          tag={picture?.tag ?? null}
          seen={setSeen}
        />
      </Link>
      <div className="caption">
        <span className="name" title={name}>
          {name}
        </span>
        <Age at={at} source={seen?.source ?? null} />
      </div>
      {camera.state && camera.state !== "connected" ? (
        <p className="state-line" title={camera.error ?? undefined}>
          {t(`state.${camera.state}`, { defaultValue: camera.state })}
        </p>
      ) : null}
      {ring ? (
        <Link className="ring" to={`/alerts/${encodeURIComponent(ring.alertId)}`}>
          <Severity value={ring.severity} />
          {t("alerts", { count: ring.count })}
        </Link>
      ) : null}
    </li>
  );
}

function Age({ at, source }: { at: number | null; source: Seen["source"] | null }) {
  const { t } = useTranslation("wall");
  const now = useNow(1000);
  const fresh = source === "event" ? "old" : freshness(at, now);
  return (
    <span className="age number" data-fresh={fresh}>
      {at === null
        ? "–"
        : t(source === "event" ? "ofEvent" : "ago", { span: span(Math.max(0, now - at)) })}
    </span>
  );
}
