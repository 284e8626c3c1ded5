/** Users, tokens and sessions, as the API has them (api/account). */
import type { Role, Scope } from "@/api/types";

export interface UserView {
  user_id: string;
  name: string;
  role: Role;
  sites: string[] | null;
  disabled: boolean;
  sso: boolean;
  totp: boolean;
  must_change_password: boolean;
  language: string;
  timezone: string | null;
  created_at: string;
  signed_in_at: string | null;
}

export interface TokenView {
  token_id: string;
  name: string;
  scopes: Scope[];
  sites: string[] | null;
  created_by: string;
  created_at: string;
  expires_at: string;
}

export interface SessionView {
  session_id: string;
  method: string;
  address: string;
  agent: string;
  created_at: string;
  used_at: string;
  expires_at: string;
  current: boolean;
}

export interface FactorView {
  secret: string;
  uri: string;
  qr_svg: string;
}

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
