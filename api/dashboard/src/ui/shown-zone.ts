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
