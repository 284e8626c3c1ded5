/** The rules: where something matters, when, and who is told. */
import { useTranslation } from "react-i18next";
import { useSearchParams } from "react-router";
import { useSites } from "@/api/queries";
import { useSession } from "@/api/session";
import { useSite } from "@/shell/site";
import { Button, EmptyState, Page } from "@/ui/basics";
import type { RoutingDocument, SiteDocument } from "./document";
import { HistoryPanel } from "./history-panel";
import "./rules.css";
import { RoutingPart } from "./routing-part";
import { TextPart } from "./text-part";
import { type May, type Part, useWork } from "./work";
import { ZonesPart } from "./zones-part";

const PARTS = ["zones", "routing"] as const;
const LOOKS = ["form", "text", "history"] as const;

export default function Rules() {
  const { t } = useTranslation("rules");
  const { me } = useSession();
  const sites = useSites();
  const { site: picked, pick } = useSite();
  const [query, setQuery] = useSearchParams();
  const all = me.sites === null;
  const asked = query.get("part");
  const part = PARTS.find((one) => one === asked && (all || one !== "routing")) ?? "zones";
  const look = LOOKS.find((one) => one === query.get("look")) ?? "form";
  const siteId = sites.find((one) => one.site_id === picked)?.site_id ?? sites[0]?.site_id ?? null;
  const put = (name: string, value: string) =>
    setQuery((before) => {
      const after = new URLSearchParams(before);
      after.set(name, value);
      return after;
    });
  const actions = (
    <>
      <fieldset className="rules-row rules-bare" aria-label={t("parts")}>
        {PARTS.filter((one) => all || one !== "routing").map((one) => (
          <Button key={one} aria-pressed={one === part} onClick={() => put("part", one)}>
            {t(`part.${one}`)}
          </Button>
        ))}
      </fieldset>
      {part === "zones" && !picked ? (
        <label className="rules-row">
          <span className="quiet">{t("shell:site")}</span>
          <select
            className="input"
            value={siteId ?? ""}
            onChange={(event) => pick(event.target.value)}
          >
            {sites.map((one) => (
              <option key={one.site_id} value={one.site_id}>
                {one.name}
              </option>
            ))}
          </select>
        </label>
      ) : null}
      <span className="spring" />
      <fieldset className="rules-row rules-bare" aria-label={t("looks")}>
        {LOOKS.map((one) => (
          <Button key={one} aria-pressed={one === look} onClick={() => put("look", one)}>
            {t(`look.${one}`)}
          </Button>
        ))}
      </fieldset>
    </>
  );
  return (
    <Page title={t("nav")} actions={actions}>
      {part === "routing" ? (
        <Routing look={look} />
      ) : siteId ? (
        <Zones
          key={siteId}
          siteId={siteId}
          look={look}
          camera={query.get("camera")}
          pickCamera={(camera) => put("camera", camera)}
        />
      ) : (
        <EmptyState title={t("noSites")} />
      )}
    </Page>
  );
}

type Look = (typeof LOOKS)[number];

function useMay(part: Part): May {
  const { me, may } = useSession();
  const reaches = part !== null || me.sites === null;
  const save = may("config:write") && reaches;
  const tries = may("backtests:run") && reaches;
  return { draft: save || tries, save, try: tries };
}

interface ZonesProps {
  siteId: string;
  look: Look;
  camera: string | null;
  pickCamera: (camera: string) => void;
}

function Zones({ siteId, look, camera, pickCamera }: ZonesProps) {
  const work = useWork<SiteDocument>(siteId);
  const may = useMay(siteId);
  if (look === "history") return <HistoryPanel part={siteId} work={work} may={may} />;
  if (look === "text") return <TextPart part={siteId} work={work} may={may} />;
  return (
    <ZonesPart siteId={siteId} work={work} may={may} camera={camera} pickCamera={pickCamera} />
  );
}

function Routing({ look }: { look: Look }) {
  const work = useWork<RoutingDocument>(null);
  const may = useMay(null);
  if (look === "history") return <HistoryPanel part={null} work={work} may={may} />;
  if (look === "text") return <TextPart part={null} work={work} may={may} />;
  return <RoutingPart work={work} may={may} />;
}
