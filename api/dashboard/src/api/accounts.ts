/** Users, tokens and sessions, as the API has them (api/account). */
import type { Role } from "@/api/types";

export type { FactorView, SessionView, TokenView, UserView } from "@/api/openapi";

export const ROLES: readonly Role[] = ["viewer", "operator", "admin"];
