/** Who is signed in. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { createContext, type ReactNode, useContext, useEffect, useMemo } from "react";
import { ApiError, ask, onSignedOut } from "@/api/client";
import type { Me, Scope } from "@/api/types";
import { leave } from "@/push/device";

export const SCOPES: Scope[] = [
  "alerts:read",
  "alerts:act",
  "events:read",
  "events:write",
  "media:read",
  "devices:read",
  "devices:write",
  "config:read",
  "config:write",
  "backtests:run",
  "exports:read",
  "notify:write",
  "users:admin",
  "tokens:admin",
  "audit:read",
  "metrics:read",
];

export interface Session {
  me: Me;
  may: (scope: Scope) => boolean;
  signOut: () => Promise<void>;
}

/** Raises ApiError 401 where nobody is signed in. */
export function whoAmI(): Promise<Me> {
  return ask<Me>("/v1/me", { probe: true });
}

const Current = createContext<Session | null>(null);

/** The session; only below a SessionProvider that has one. */
export function useSession(): Session {
  const found = useContext(Current);
  if (!found) throw new Error("no session here");
  return found;
}

export const ME = ["me"] as const;

interface ProviderProps {
  children: ReactNode;
  /** While it is not known who this is. */
  waiting: ReactNode;
  /** Where nobody is signed in. */
  signIn: ReactNode;
  /** Where the server does not answer. */
  unreachable: (error: Error, again: () => void) => ReactNode;
}

export function SessionProvider({ children, waiting, signIn, unreachable }: ProviderProps) {
  const client = useQueryClient();
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ME,
    queryFn: whoAmI,
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
  });
  useEffect(() => {
    onSignedOut(() => client.resetQueries({ queryKey: ME }));
  }, [client]);
  const session = useMemo<Session | null>(
    () =>
      data
        ? {
            me: data,
            may: (scope) => data.scopes.includes(scope),
            signOut: async () => {
              // What is told of here was this person's, and the next one's is not.
              await leave();
              await ask<void>("/v1/auth/logout", { method: "POST", once: true });
              // What was loaded for this person is not the next one's.
              client.clear();
              location.assign("/");
            },
          }
        : null,
    [data, client],
  );
  if (isPending) return waiting;
  if (error instanceof ApiError && error.status === 401) return signIn;
  if (!session) return unreachable(error ?? new Error(), () => void refetch());
  return <Current.Provider value={session}>{children}</Current.Provider>;
}
