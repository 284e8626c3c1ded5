/** What is around every page: navigation, site, connection, banner. */
import { Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { NavLink, Outlet, useLocation } from "react-router";
import { useSites } from "@/api/queries";
import { useSession } from "@/api/session";
import { LANGUAGES, speak } from "@/i18n";
import { clock } from "@/lib/time";
import { PAGES } from "@/pages";
import { Banner } from "@/shell/banner";
import { Help } from "@/shell/help";
import { Notifier } from "@/shell/notifier";
import { useSite } from "@/shell/site";
import { useNow, useStream } from "@/stream/context";
import { Boundary, Button, EmptyState, Loading, useClock } from "@/ui/basics";
import { useKeys } from "@/ui/keys";
import { setTheme, type Theme, theme } from "@/ui/theme";

function SitePicker() {
  const { t } = useTranslation();
  const { site, pick } = useSite();
  const listed = useSites();
  const heard = useStream((state) => state.sites);
  const ids = [
    ...new Set([...listed.map((one) => one.site_id), ...heard, ...(site ? [site] : [])]),
  ];
  const names = new Map(listed.map((one) => [one.site_id, one.name]));
  return (
    <label>
      <span className="hidden-text">{t("site")}</span>
      <select className="input" value={site} onChange={(event) => pick(event.target.value)}>
        <option value="">{t("allSites")}</option>
        {ids.sort().map((id) => (
          <option key={id} value={id}>
            {names.get(id) ?? id}
          </option>
        ))}
      </select>
    </label>
  );
}

function Clocks() {
  const { site } = useSite();
  const { zone, language } = useClock();
  const sites = useSites();
  const now = useNow(1000);
  const zones = new Set(
    sites.filter((one) => !site || one.site_id === site).map((one) => one.timezone),
  );
  // Several sites in several zones: whose clock that would be is not to be guessed.
  const siteZone = zones.size === 1 ? [...zones][0] : undefined;
  const own = clock(now, zone, language);
  const there = siteZone ? clock(now, siteZone, language) : own;
  return (
    <span className="clocks number">
      {there}
      {there === own ? null : ` (${own})`} {siteZone ?? zone}
    </span>
  );
}

function ConnectionState() {
  const { t } = useTranslation();
  const connection = useStream((state) => state.connection);
  return (
    <span className="connection" data-state={connection} id="connection">
      <span className="dot" aria-hidden="true" />
      {t(`connection.${connection}`)}
    </span>
  );
}

function Who() {
  const { t, i18n } = useTranslation();
  const { me, signOut } = useSession();
  const [shown, setShown] = useState<Theme>(theme);
  return (
    <div className="who">
      <label>
        <span className="hidden-text">{t("theme.label")}</span>
        <select
          className="input"
          value={shown}
          onChange={(event) => {
            const wanted = event.target.value as Theme;
            setShown(wanted);
            setTheme(wanted);
          }}
        >
          {(["auto", "dark", "light"] as const).map((one) => (
            <option key={one} value={one}>
              {t(`theme.${one}`)}
            </option>
          ))}
        </select>
      </label>
      <label>
        <span className="hidden-text">{t("language")}</span>
        <select
          className="input"
          value={i18n.language}
          onChange={(event) => void speak(event.target.value)}
        >
          {LANGUAGES.map((one) => (
            <option key={one} value={one}>
              {t(`languages.${one}`, { defaultValue: one })}
            </option>
          ))}
        </select>
      </label>
      <span title={t("signedInAs", { name: me.name })}>{me.name}</span>
      <Button onClick={() => void signOut()}>{t("signOut")}</Button>
    </div>
  );
}

export function Layout() {
  const { t, i18n } = useTranslation();
  const { may } = useSession();
  const [help, setHelp] = useState(false);
  const connection = useStream((state) => state.connection);
  const { pathname } = useLocation();
  useKeys({ "?": () => setHelp(true) });
  const shown = PAGES.filter((page) => page.nav !== undefined && (!page.scope || may(page.scope)));
  return (
    <div className="frame" data-connection={connection}>
      <a className="skip" href="#content">
        {t("skip")}
      </a>
      <div className="rail">
        <NavLink className="brand" to="/" aria-label="Watchfloor">
          <img src="/mark.svg" alt="" width="24" height="24" />
          <span>Watchfloor</span>
        </NavLink>
        <nav aria-label={t("pages")}>
          {shown
            .toSorted((a, b) => (a.nav ?? 0) - (b.nav ?? 0))
            .map((page) => (
              <NavLink key={page.name} to={page.path} end={page.path === "/"}>
                {i18n.t("nav", { ns: page.name })}
              </NavLink>
            ))}
        </nav>
        <div className="spring" />
        <Who />
      </div>
      <div className="main">
        <header className="top">
          <SitePicker />
          <div className="spring" />
          <Clocks />
          <ConnectionState />
          <Button kind="bare" onClick={() => setHelp(true)} aria-label={t("help.open")} hint="?" />
        </header>
        <Banner />
        <main className="outlet" id="content" tabIndex={-1}>
          <Boundary key={pathname} fallback={<EmptyState title={t("error.page")} />}>
            <Suspense fallback={<Loading />}>
              <Outlet />
            </Suspense>
          </Boundary>
        </main>
      </div>
      <Notifier />
      {help ? <Help close={() => setHelp(false)} /> : null}
    </div>
  );
}
