/** Settings: one's own account, this browser, users, tokens, sites. */
import type { ColumnDef } from "@tanstack/react-table";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { useSites } from "@/api/queries";
import { useSession } from "@/api/session";
import type { SiteView } from "@/api/types";
import { Browser } from "@/pages/settings/browser";
import { Devices } from "@/pages/settings/devices";
import { Own } from "@/pages/settings/own";
import { Tokens } from "@/pages/settings/tokens";
import { Users } from "@/pages/settings/users";
import { Page } from "@/ui/basics";
import { Table } from "@/ui/table";
import "@/pages/settings/settings.css";

function Sites() {
  const { t } = useTranslation("settings");
  const sites = useSites();
  const columns = useMemo<ColumnDef<SiteView>[]>(
    () => [
      { accessorKey: "name", header: t("name") },
      { accessorKey: "site_id", header: t("site.id") },
      { accessorKey: "timezone", header: t("timezone") },
      { accessorKey: "cameras", header: t("site.cameras") },
      { accessorKey: "zones", header: t("site.zones") },
      {
        id: "enabled",
        header: t("state"),
        accessorFn: (site) => t(site.enabled ? "site.enabled" : "site.disabled"),
      },
      { accessorKey: "revision", header: t("site.revision") },
    ],
    [t],
  );
  return (
    <section className="panel">
      <h2>{t("sites")}</h2>
      <Table label={t("sites")} rows={sites} columns={columns} rowId={(site) => site.site_id} />
    </section>
  );
}

export default function Settings() {
  const { t } = useTranslation("settings");
  const { may } = useSession();
  return (
    <Page title={t("nav")}>
      <div className="settings">
        <Browser />
        {may("alerts:read") ? <Devices /> : null}
        <Own />
        {may("users:admin") ? <Users /> : null}
        {may("tokens:admin") ? <Tokens /> : null}
        <Sites />
      </div>
    </Page>
  );
}
