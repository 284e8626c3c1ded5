/** Users, tokens and sessions, as the API has them (api/account). */
import type { Role } from "@/api/types";

export type { FactorView, SessionView, TokenView, UserView } from "@/api/openapi";

export const ACT_KINDS = [
  "sign_in_granted",
  "sign_in_refused",
  "session_revoked",
  "user_created",
  "user_changed",
  "user_removed",
  "password_changed",
  "password_reset",
  "factor_added",
  "factor_removed",
  "token_created",
  "token_revoked",
  "link_created",
  "key_rotated",
] as const;

export interface ActView {
  audit_id: string;
  at: string;
  kind: (typeof ACT_KINDS)[number];
  actor: string;
  actor_id: string | null;
  target: string | null;
  detail: string | null;
  address: string | null;
}

export const ROLES: readonly Role[] = ["viewer", "operator", "admin"];
