/** The sites that one may see; and a new one, by who administers all of them. */
import { useQueryClient } from "@tanstack/react-query";
import type { ColumnDef } from "@tanstack/react-table";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { ask } from "@/api/client";
import { useSites } from "@/api/queries";
import { useSession } from "@/api/session";
import type { SiteView } from "@/api/types";
import { browserZone } from "@/lib/time";
import { AskingForm, textOf } from "@/pages/settings/form";
import { useSite } from "@/shell/site";
import { Table } from "@/ui/table";
import { useToast } from "@/ui/toasts";

const ZONES = Intl.supportedValuesOf("timeZone");

export function Sites() {
  const { t } = useTranslation("settings");
  const { me, may } = useSession();
  const sites = useSites();
  const { pick } = useSite();
  const columns = useMemo<ColumnDef<SiteView>[]>(
    () => [
      {
        accessorKey: "name",
        header: t("name"),
        cell: ({ row }) => (
          <Link to="/rules" onClick={() => pick(row.original.site_id)}>
            {row.original.name}
          </Link>
        ),
      },
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
    [t, pick],
  );
  return (
    <section className="panel">
      <h2>{t("sites")}</h2>
      <Table label={t("sites")} rows={sites} columns={columns} rowId={(site) => site.site_id} />
      {may("config:write") && me.sites === null ? <NewSite /> : null}
    </section>
  );
}

function NewSite() {
  const { t } = useTranslation("settings");
  const client = useQueryClient();
  const toast = useToast();
  return (
    <details>
      <summary>{t("site.add")}</summary>
      <AskingForm
        submit={t("site.add")}
        send={async (fields) => {
          const name = textOf(fields, "name").trim();
          const body = {
            site_id: textOf(fields, "site_id").trim(),
            name: name || null,
            timezone: textOf(fields, "timezone").trim() || null,
          };
          await ask("/v1/sites", { method: "POST", body });
          await client.invalidateQueries({ queryKey: ["sites"] });
          toast({ text: t("site.made", { name: name || body.site_id }) });
        }}
      >
        <label className="field">
          <span>{t("name")}</span>
          <input className="input" name="name" autoComplete="off" maxLength={200} />
        </label>
        <label className="field">
          <span>{t("site.id")}</span>
          <input
            className="input"
            name="site_id"
            autoComplete="off"
            spellCheck={false}
            pattern="[A-Za-z0-9][A-Za-z0-9._\-]{0,62}"
            title={t("site.idHint")}
            required
          />
          <small className="quiet">{t("site.idHint")}</small>
        </label>
        <label className="field">
          <span>{t("timezone")}</span>
          <input
            className="input"
            name="timezone"
            list="iana-zones"
            defaultValue={browserZone()}
            autoComplete="off"
            spellCheck={false}
          />
          <datalist id="iana-zones">
            {ZONES.map((zone) => (
              <option key={zone} value={zone} />
            ))}
          </datalist>
        </label>
      </AskingForm>
    </details>
  );
}
