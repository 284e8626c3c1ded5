/** A site's zones, camera by camera, over what the camera sees. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ask } from "@/api/client";
import { Button, EmptyState, ErrorState, Loading } from "@/ui/basics";
import {
  camerasOf,
  type DocumentView,
  freshId,
  type Point,
  type RoutingDocument,
  type Site,
  type SiteDocument,
  under,
  withNewZone,
  withoutZone,
  withShape,
  withZone,
  type Zone,
  zonesOf,
} from "./document";
import { ShapeEditor } from "./shape-editor";
import { type Tried, useTrial } from "./trial";
import { TrialPanel } from "./trial-panel";
import type { May, Work } from "./work";
import { WorkBar } from "./work-bar";
import { ZoneForm } from "./zone-form";

interface Props {
  siteId: string;
  work: Work<SiteDocument>;
  may: May;
  camera: string | null;
  pickCamera: (camera: string) => void;
}

const FIRST_SHAPE: Point[] = [
  [0.25, 0.4],
  [0.75, 0.4],
  [0.75, 0.9],
  [0.25, 0.9],
];

function useReceivers(): string[] | null {
  const { data } = useQuery({
    queryKey: ["document", "*routing"],
    queryFn: () => ask<DocumentView<RoutingDocument>>("/v1/routing"),
    // Whoever may not see the routing still sees zones.
    retry: false,
  });
  return data ? (data.document.receivers ?? []).map((one) => one.name) : null;
}

export function ZonesPart({ siteId, work, may, camera: asked, pickCamera }: Props) {
  const { t } = useTranslation("rules");
  const tried = useTrial();
  const { draft, error } = work;
  if (error && !draft) return <ErrorState error={error} />;
  const site = draft?.document.sites[0];
  if (!draft || !site) return <Loading />;
  const cameras = camerasOf(site);
  const camera = cameras.find((one) => one.id === asked) ?? cameras[0];
  if (!camera) return <EmptyState title={t("zones.noCameras")} />;
  const picture = (id: string) =>
    `/v1/cameras/${encodeURIComponent(id)}/snapshot?site_id=${encodeURIComponent(siteId)}`;
  return (
    <Loaded
      siteId={siteId}
      work={work}
      may={may}
      site={site}
      cameras={cameras}
      camera={camera}
      pickCamera={pickCamera}
      picture={picture}
      tried={tried}
      key={siteId}
    />
  );
}

interface LoadedProps extends Omit<Props, "camera"> {
  site: Site;
  cameras: { id: string; name: string }[];
  camera: { id: string; name: string };
  picture: (camera: string) => string;
  tried: Tried;
}

function Loaded(props: LoadedProps) {
  const { t } = useTranslation("rules");
  const { siteId, work, may, site, cameras, camera, picture, tried } = props;
  const receivers = useReceivers();
  const [picked, setPicked] = useState<string | null>(null);
  const [drawing, setDrawing] = useState(false);
  // A shape that a pointer holds is nobody's change until it is let go.
  const [held, setHeld] = useState<Point[] | null>(null);
  const zones = zonesOf(site, camera.id);
  const chosen = zones.find((one) => one.zone_id === picked) ?? zones[0] ?? null;
  const document = work.draft?.document as SiteDocument;
  const version = work.draft?.version ?? 0;
  const change = (made: SiteDocument) => work.act({ do: "change", document: made });
  const changeZone = (make: (zone: Zone) => Zone) => {
    if (chosen) change(withZone(document, chosen.zone_id, make));
  };
  const shown = zones.map((zone) =>
    held && zone === chosen ? withShape(zone, camera.id, held) : zone,
  );
  const index = chosen ? (site.zones ?? []).indexOf(chosen) : -1;
  const problems = under(work.check?.problems ?? [], "sites", 0, "zones", index);
  return (
    <>
      <div className="rules-row">
        <label className="rules-row">
          <span className="quiet">{t("zones.camera")}</span>
          <select
            className="input"
            value={camera.id}
            onChange={(event) => {
              setDrawing(false);
              props.pickCamera(event.target.value);
            }}
          >
            {cameras.map((one) => (
              <option key={one.id} value={one.id}>
                {one.name}
              </option>
            ))}
          </select>
        </label>
        <Button
          disabled={!may.draft}
          onClick={() => {
            const zone = { zone_id: freshId(site), camera_ids: [camera.id] };
            change(withNewZone(document, withShape(zone, camera.id, FIRST_SHAPE)));
            setPicked(zone.zone_id);
            setDrawing(false);
          }}
        >
          {t("zones.add")}
        </Button>
      </div>
      <div className="rules-split-view">
        <div className="rules-left">
          <ShapeEditor
            camera={camera.id}
            name={camera.name}
            pictureUrl={picture(camera.id)}
            zones={shown}
            chosen={chosen?.zone_id ?? null}
            choose={setPicked}
            drawing={drawing}
            readOnly={!may.draft}
            change={(points, settled) => {
              setHeld(settled ? null : points);
              if (settled) changeZone((zone) => withShape(zone, camera.id, points));
            }}
            drawn={(points) => {
              setDrawing(false);
              if (points) changeZone((zone) => withShape(zone, camera.id, points));
            }}
          />
          <p className="quiet">{drawing ? t("draw.hint") : t("draw.keys")}</p>
          <ul className="rules-zones" aria-label={t("zones.list")}>
            {zones.map((zone) => (
              <li key={zone.zone_id}>
                <Button
                  aria-pressed={zone === chosen}
                  onClick={() => {
                    setPicked(zone.zone_id);
                    setDrawing(false);
                  }}
                >
                  {zone.zone_id}
                </Button>
              </li>
            ))}
          </ul>
          {zones.length ? null : <p className="quiet">{t("zones.none")}</p>}
        </div>
        {chosen ? (
          <ZoneForm
            key={chosen.zone_id}
            zone={chosen}
            camera={camera.id}
            cameras={cameras}
            receivers={receivers}
            timezone={site.timezone ?? "UTC"}
            problems={problems}
            readOnly={!may.draft}
            change={(zone) => changeZone(() => zone)}
            draw={() => setDrawing(true)}
            wholePicture={() => changeZone((zone) => withShape(zone, camera.id, null))}
            remove={() => {
              change(withoutZone(document, chosen.zone_id));
              setPicked(null);
            }}
          />
        ) : null}
      </div>
      {may.try ? (
        <TrialPanel
          tried={tried}
          old={tried.version !== null && tried.version !== version}
          disabled={!work.changed || work.check?.ok === false}
          site={siteId}
          pictureOf={picture}
          run={(days) => tried.start({ document, version, days, now: Date.now() })}
        />
      ) : null}
      <WorkBar
        part={siteId}
        work={work}
        may={may}
        tried={!may.try || (tried.version === version && tried.trial?.state === "done")}
      />
    </>
  );
}
