/** Users, tokens and sessions, as the API has them (api/account). */
import type { AuditKind } from "@/api/openapi";
import type { Role } from "@/api/types";

export type { ActView, FactorView, SessionView, TokenView, UserView } from "@/api/openapi";

export const ACT_KINDS: readonly AuditKind[] = [
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
];

export const ROLES: readonly Role[] = ["viewer", "operator", "admin"];
