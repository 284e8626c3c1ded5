/** Where things are, as `/v1/places` answers. */
export type { OnPlan, PlacesView, PlaceView, PlanView, Position } from "@/api/openapi";
