/** By which clock a page about several sites tells the time. */
import { useSites } from "@/api/queries";
import { useClock } from "@/ui/basics";

/** The zone of the site, or of all sites where they share one; else the analyst's own. */
export function useShownZone(site: string): string {
  const sites = useSites();
  const { zone } = useClock();
  const zones = new Set(
    sites.filter((one) => !site || one.site_id === site).map((one) => one.timezone),
  );
  const [only] = zones;
  return zones.size === 1 && only ? only : zone;
}

/** A site by whose clock that is, for what is shown by one; null: the analyst's own. */
export function useShownSite(site: string): string | null {
  const sites = useSites();
  if (site) return site;
  const [first, ...others] = sites;
  const shared = first !== undefined && others.every((one) => one.timezone === first.timezone);
  return shared ? first.site_id : null;
}
