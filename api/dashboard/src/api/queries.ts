/** What several pages ask for, once each. */
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { ask } from "@/api/client";
import type { SiteView, ZoneView } from "@/api/types";

export function useSites(): SiteView[] {
  const { data } = useQuery({
    queryKey: ["sites"],
    queryFn: ({ signal }) => ask<SiteView[]>("/v1/sites", { signal }),
    staleTime: 60_000,
  });
  return data ?? NO_SITES;
}
const NO_SITES: SiteView[] = [];

/** A site's zone for times (IANA), or null while it is not known. */
export function useSiteZone(siteId: string | null | undefined): string | null {
  const sites = useSites();
  return useMemo(
    () => sites.find((one) => one.site_id === siteId)?.timezone ?? null,
    [sites, siteId],
  );
}

export function useZones(siteId: string | null | undefined): ZoneView[] {
  const { data } = useQuery({
    queryKey: ["zones", siteId],
    queryFn: ({ signal }) => ask<ZoneView[]>("/v1/zones", { query: { site_id: siteId }, signal }),
    enabled: Boolean(siteId),
    staleTime: 60_000,
  });
  return data ?? NO_ZONES;
}
const NO_ZONES: ZoneView[] = [];
