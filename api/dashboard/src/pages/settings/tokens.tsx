/** Service tokens, for administrators. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import type { ColumnDef } from "@tanstack/react-table";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import type { TokenView } from "@/api/accounts";
import { ask } from "@/api/client";
import { SCOPES } from "@/api/session";
import { AskingForm, Once, SitesField, sitesOf, textOf, why } from "@/pages/settings/form";
import { Button, ErrorState, Loading, TimeText } from "@/ui/basics";
import { Table } from "@/ui/table";
import { useToast } from "@/ui/toasts";

const KEY = ["tokens"] as const;
const DAY_MS = 86_400_000;
const DAYS = [7, 30, 90, 365] as const;

export function Tokens() {
  const { t } = useTranslation("settings");
  const client = useQueryClient();
  const toast = useToast();
  const [made, setMade] = useState<{ name: string; token: string } | null>(null);
  const { data, error, refetch } = useQuery({
    queryKey: KEY,
    queryFn: ({ signal }) => ask<TokenView[]>("/v1/tokens", { signal }),
  });
  const columns = useMemo<ColumnDef<TokenView>[]>(
    () => [
      { accessorKey: "name", header: t("name") },
      { id: "scopes", header: t("token.scopes"), accessorFn: (one) => one.scopes.join(", ") },
      {
        id: "sites",
        header: t("sites"),
        accessorFn: (one) => one.sites?.join(", ") ?? t("everySite"),
      },
      { accessorKey: "created_by", header: t("token.by") },
      {
        accessorKey: "expires_at",
        header: t("token.expires"),
        cell: ({ row }) => <TimeText at={row.original.expires_at} site={null} />,
      },
      {
        id: "revoke",
        header: t("user.actions"),
        enableSorting: false,
        cell: ({ row }) => (
          <Button
            kind="danger"
            aria-label={t("token.revokeOf", { name: row.original.name })}
            onClick={() => {
              const path = `/v1/tokens/${encodeURIComponent(row.original.token_id)}`;
              ask<void>(path, { method: "DELETE" }).then(
                () => client.invalidateQueries({ queryKey: KEY }),
                (failed) => toast({ kind: "bad", text: why(failed, t("shell:error.noAnswer")) }),
              );
            }}
          >
            {t("token.revoke")}
          </Button>
        ),
      },
    ],
    [t, client, toast],
  );
  if (error) return <ErrorState error={error} again={() => void refetch()} />;
  if (!data) return <Loading />;
  return (
    <section className="panel">
      <h2>{t("token.title")}</h2>
      <Table label={t("token.title")} rows={data} columns={columns} rowId={(one) => one.token_id} />
      <details>
        <summary>{t("token.add")}</summary>
        <AskingForm
          submit={t("token.add")}
          send={async (fields) => {
            const days = Number(textOf(fields, "days"));
            const body = {
              name: textOf(fields, "name"),
              scopes: fields.getAll("scope").map(String),
              sites: sitesOf(fields),
              expires_at: new Date(Date.now() + days * DAY_MS).toISOString(),
            };
            const answer = await ask<{ name: string; token: string }>("/v1/tokens", {
              method: "POST",
              body,
            });
            setMade(answer);
            await client.invalidateQueries({ queryKey: KEY });
          }}
        >
          <label className="field">
            <span>{t("name")}</span>
            <input className="input" name="name" autoComplete="off" maxLength={100} required />
          </label>
          <label className="field">
            <span>{t("token.days")}</span>
            <select className="input" name="days" defaultValue={90}>
              {DAYS.map((days) => (
                <option key={days} value={days}>
                  {t("token.forDays", { count: days })}
                </option>
              ))}
            </select>
          </label>
          <fieldset className="field settings-scopes">
            <legend>{t("token.scopes")}</legend>
            {SCOPES.map((scope) => (
              <label key={scope}>
                <input type="checkbox" name="scope" value={scope} /> {scope}
              </label>
            ))}
          </fieldset>
          <SitesField first={null} />
        </AskingForm>
        {made ? <Once label={t("token.text", { name: made.name })} text={made.token} /> : null}
      </details>
    </section>
  );
}
