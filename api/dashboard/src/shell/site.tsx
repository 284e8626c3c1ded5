/** Which site is looked at, on every page; empty: all. */
import { createContext, type ReactNode, useContext, useMemo, useState } from "react";
import { recall, remember } from "@/lib/store";

interface Picked {
  site: string;
  pick: (site: string) => void;
}

const Current = createContext<Picked>({ site: "", pick: () => {} });

export function SiteChoice({ children }: { children: (site: string) => ReactNode }) {
  const [site, setSite] = useState(
    () => new URLSearchParams(location.search).get("site") ?? recall("site", ""),
  );
  const picked = useMemo<Picked>(
    () => ({
      site,
      pick: (wanted) => {
        remember("site", wanted);
        setSite(wanted);
      },
    }),
    [site],
  );
  return <Current.Provider value={picked}>{children(site)}</Current.Provider>;
}

/** The site that is looked at (empty: all), and a way to look at another. */
export function useSite(): Picked {
  return useContext(Current);
}
