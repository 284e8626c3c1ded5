/** A plan or the earth, with what is on it. The table beside it has the same for everybody. */
import L from "leaflet";
import "leaflet/dist/leaflet.css";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import type { Severity } from "@/api/types";
import type { PlaceView } from "./api";
import { bounds, earthWedge, onPlan, planWedge, type Sheet, sizeOf } from "./geometry";

/** How a place is: its worst open alert, and how it is itself. */
export interface Told {
  severity: Severity | null;
  health: string;
  /** For a tooltip and a screen reader. */
  text: string;
}

interface SheetProps {
  sheet: Sheet;
  told: (place: PlaceView) => Told;
  picked: string | null;
  pick: (place: PlaceView) => void;
  /** Pictures of the earth, where the settings name any. */
  tiles: string | null;
}

interface Drawn {
  map: L.Map;
  marks: Map<string, { marker: L.Marker; wedge: L.Polygon | null; place: PlaceView }>;
}

export function SheetMap({ sheet, told, picked, pick, tiles }: SheetProps) {
  const { t } = useTranslation("map");
  const element = useRef<HTMLDivElement>(null);
  const drawn = useRef<Drawn | null>(null);
  const act = useRef(pick);
  act.current = pick;
  const words = useRef({ closer: t("closer"), farther: t("farther") });
  useEffect(() => {
    if (!element.current) return;
    const made = draw(element.current, sheet, tiles, words.current, (place) => act.current(place));
    drawn.current = made;
    return () => {
      made.map.remove();
      drawn.current = null;
    };
  }, [sheet, tiles]);
  // How things are changes every few seconds: what is drawn stays, and is painted anew.
  useEffect(() => {
    for (const { marker, wedge, place } of drawn.current?.marks.values() ?? []) {
      paint(marker, wedge, told(place), place.device_id === picked);
    }
  });
  return <section ref={element} className="map" aria-label={sheet.plan?.name ?? t("earth")} />;
}

function draw(
  element: HTMLElement,
  sheet: Sheet,
  tiles: string | null,
  words: { closer: string; farther: string },
  pick: (place: PlaceView) => void,
): Drawn {
  const { plan } = sheet;
  const map = L.map(element, {
    crs: plan ? L.CRS.Simple : L.CRS.EPSG3857,
    attributionControl: tiles !== null && !plan,
    zoomControl: false,
    minZoom: plan ? -6 : 2,
    maxZoom: plan ? 4 : 21,
    zoomSnap: 0.25,
    // The page scrolls by the wheel; the map zooms by its buttons, + and -, and with Ctrl.
    scrollWheelZoom: false,
  });
  L.control.zoom({ zoomInTitle: words.closer, zoomOutTitle: words.farther }).addTo(map);
  const where = (place: PlaceView): [number, number] =>
    plan ? onPlan(place, plan) : [place.position?.lat ?? 0, place.position?.lon ?? 0];
  if (plan) {
    const { width, height } = sizeOf(plan);
    const whole: L.LatLngBoundsLiteral = [
      [0, 0],
      [height, width],
    ];
    if (plan.image) {
      L.imageOverlay(plan.image.location, whole, { alt: plan.name }).addTo(map);
    } else {
      L.rectangle(whole, { className: "no-plan", interactive: false }).addTo(map);
    }
    map.fitBounds(whole, { padding: [8, 8] });
    map.setMaxBounds(L.latLngBounds(whole).pad(0.5));
  } else {
    if (tiles) L.tileLayer(tiles, { maxZoom: 21, maxNativeZoom: 19 }).addTo(map);
    else grid().addTo(map);
    const edges = sheet.places.flatMap((place) => earthWedge(place) ?? [where(place)]);
    map.fitBounds(bounds(edges) ?? [[0, 0]], { padding: [32, 32], maxZoom: 19 });
  }
  const marks: Drawn["marks"] = new Map();
  for (const place of sheet.places) {
    const points = plan ? planWedge(place, plan) : earthWedge(place);
    const wedge = points
      ? L.polygon(points, { className: "wedge", interactive: false, weight: 1 }).addTo(map)
      : null;
    const dot = document.createElement("span");
    dot.className = "place-dot";
    dot.dataset.kind = place.kind;
    const marker = L.marker(where(place), {
      icon: L.divIcon({ html: dot, className: "place-mark", iconSize: [26, 26] }),
      alt: place.name,
      keyboard: true,
    }).addTo(map);
    marker.bindTooltip(() => label(marker), { direction: "top" });
    marker.on("click", () => pick(place));
    marker.on("keypress", (event) => {
      if (event.originalEvent.key === "Enter") pick(place);
    });
    marks.set(`${place.site_id}/${place.device_id}`, { marker, wedge, place });
  }
  return { map, marks };
}

/** An element and not a string: Leaflet takes a string for HTML. */
function label(marker: L.Marker): HTMLElement {
  const text = document.createElement("span");
  text.textContent = marker.getElement()?.getAttribute("aria-label") ?? "";
  return text;
}

function paint(marker: L.Marker, wedge: L.Polygon | null, told: Told, picked: boolean): void {
  const element = marker.getElement();
  if (element) {
    element.setAttribute("aria-label", told.text);
    element.removeAttribute("title");
    set(element, "severity", told.severity);
    const dot = element.firstElementChild;
    if (dot instanceof HTMLElement) set(dot, "health", told.health);
    set(element, "picked", picked ? "" : null);
  }
  const path = wedge?.getElement();
  if (path instanceof SVGElement) {
    set(path, "severity", told.severity);
    set(path, "picked", picked ? "" : null);
  }
}

function set(element: HTMLElement | SVGElement, name: string, value: string | null): void {
  if (value === null) delete element.dataset[name];
  else element.dataset[name] = value;
}

/** Lines instead of pictures of the earth: the page loads nothing from elsewhere. */
function grid(): L.GridLayer {
  const Lines = L.GridLayer.extend({
    createTile(this: L.GridLayer): HTMLElement {
      const tile = document.createElement("div");
      tile.className = "grid-tile";
      return tile;
    },
  }) as unknown as new () => L.GridLayer;
  return new Lines();
}
