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

export const ROLES: readonly Role[] = ["viewer", "operator", "admin"];
