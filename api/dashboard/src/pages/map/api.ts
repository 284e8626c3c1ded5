/** Where things are, as `/v1/places` answers. */
export interface OnPlan {
  plan: string;
  x: number;
  y: number;
}

export interface Position {
  lat: number;
  lon: number;
}

export interface PlanView {
  site_id: string;
  plan_id: string;
  name: string;
  width_m: number | null;
  north_deg: number;
  image: {
    location: string;
    content_type: string;
    width: number;
    height: number;
    sha256: string;
    at: string;
  } | null;
}

export interface PlaceView {
  site_id: string;
  device_id: string;
  kind: "nvr" | "camera" | "service";
  name: string;
  position: Position | null;
  floor_plan: OnPlan | null;
  heading_deg: number | null;
  fov_deg: number | null;
  range_m: number | null;
}

export interface PlacesView {
  plans: PlanView[];
  places: PlaceView[];
  without: number;
  /** Where pictures of the earth are, with {z}, {x} and {y}; null: nowhere. */
  tiles: string | null;
}
