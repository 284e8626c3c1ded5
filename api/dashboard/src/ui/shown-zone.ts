/** By which clock a page about several sites tells the time. */
import { useSites } from "@/api/queries";
import { useClock } from "@/ui/basics";

/** The site by whose clock that is: the one, or any where all share a zone; null: the analyst's. */
export function useShownSite(site: string): string | null {
  const sites = useSites();
  if (site) return site;
  const [first, ...others] = sites;
  const shared = first !== undefined && others.every((one) => one.timezone === first.timezone);
  return shared ? first.site_id : null;
}

/** The zone of that clock. */
export function useShownZone(site: string): string {
  const sites = useSites();
  const { zone } = useClock();
  const shown = useShownSite(site);
  return sites.find((one) => one.site_id === shown)?.timezone || zone;
}
