/** Fields of view as polygons, on a plan and on earth, and what is on which sheet. Pure. */
import type { PlacesView, PlaceView, PlanView } from "./api";

const EARTH_M = 6_371_008.8;
/** What a camera without a range is drawn with: a share of the plan's width, and metres. */
const SHARE = 0.08;
const METRES = 25;
const STEP_DEG = 6;

const RAD = Math.PI / 180;

export interface Field {
  heading: number;
  fov: number;
}

/** A camera's field of view; null where the document does not say where it looks. */
export function fieldOf(place: PlaceView): Field | null {
  if (place.heading_deg === null) return null;
  return { heading: place.heading_deg, fov: place.fov_deg ?? 60 };
}

/** Bearings from one edge of the field to the other, a few degrees apart. */
export function bearings({ heading, fov }: Field): number[] {
  const steps = Math.max(1, Math.ceil(fov / STEP_DEG));
  return Array.from({ length: steps + 1 }, (_, n) => heading - fov / 2 + (fov * n) / steps);
}

/** The size at which a plan is drawn: its picture's, or a square where it has none. */
export function sizeOf(plan: PlanView): { width: number; height: number } {
  return plan.image
    ? { width: plan.image.width, height: plan.image.height }
    : { width: 1000, height: 1000 };
}

/** [y, x] as Leaflet's simple coordinates have them: y upwards, in pixels of the plan. */
export function onPlan(place: PlaceView, plan: PlanView): [y: number, x: number] {
  const { width, height } = sizeOf(plan);
  const { x, y } = place.floor_plan ?? { x: 0, y: 0 };
  return [height * (1 - y), width * x];
}

/** The wedge of a camera on a plan; null where it is not known where it looks. */
export function planWedge(place: PlaceView, plan: PlanView): [number, number][] | null {
  const field = fieldOf(place);
  if (!field || !place.floor_plan) return null;
  const { width } = sizeOf(plan);
  const radius =
    place.range_m !== null && plan.width_m !== null
      ? (place.range_m / plan.width_m) * width
      : width * SHARE;
  const [y, x] = onPlan(place, plan);
  const edge = bearings(field).map((bearing): [number, number] => {
    // north_deg: where north is on the plan, clockwise from its top.
    const angle = (bearing + plan.north_deg) * RAD;
    return [y + radius * Math.cos(angle), x + radius * Math.sin(angle)];
  });
  return field.fov >= 360 ? edge : [[y, x], ...edge];
}

/** The wedge of a camera on earth, [lat, lon]; by the sphere, which is exact enough for metres. */
export function earthWedge(place: PlaceView): [number, number][] | null {
  const field = fieldOf(place);
  if (!field || !place.position) return null;
  const { lat, lon } = place.position;
  const distance = (place.range_m ?? METRES) / EARTH_M;
  const edge = bearings(field).map((bearing): [number, number] => {
    // The direct problem on a sphere (Snyder, Map Projections, USGS 1395, 5-5 and 5-6).
    const phi = lat * RAD;
    const theta = bearing * RAD;
    const to = Math.asin(
      Math.sin(phi) * Math.cos(distance) + Math.cos(phi) * Math.sin(distance) * Math.cos(theta),
    );
    const along = Math.atan2(
      Math.sin(theta) * Math.sin(distance) * Math.cos(phi),
      Math.cos(distance) - Math.sin(phi) * Math.sin(to),
    );
    return [to / RAD, lon + along / RAD];
  });
  return field.fov >= 360 ? edge : [[lat, lon], ...edge];
}

export const EARTH = "earth";

/** A plan, or the earth, with what is on it. */
export interface Sheet {
  key: string;
  plan: PlanView | null;
  places: PlaceView[];
}

/** The sheets: the earth where something has a position, then the plans. */
export function sheets(view: PlacesView): Sheet[] {
  const found: Sheet[] = view.plans.map((plan) => ({
    key: `${plan.site_id}/${plan.plan_id}`,
    plan,
    places: view.places.filter(
      (place) => place.site_id === plan.site_id && place.floor_plan?.plan === plan.plan_id,
    ),
  }));
  const located = view.places.filter((place) => place.position);
  return located.length ? [{ key: EARTH, plan: null, places: located }, ...found] : found;
}

/** The four corners that hold all of these, [south-west, north-east]; null where there is none. */
export function bounds(
  points: readonly (readonly [number, number])[],
): [[number, number], [number, number]] | null {
  if (!points.length) return null;
  const lats = points.map(([lat]) => lat);
  const lons = points.map(([, lon]) => lon);
  return [
    [Math.min(...lats), Math.min(...lons)],
    [Math.max(...lats), Math.max(...lons)],
  ];
}
