/** Who may sign in, for administrators. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import type { ColumnDef } from "@tanstack/react-table";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { ROLES, type UserView } from "@/api/accounts";
import { ask } from "@/api/client";
import { AskingForm, Once, SitesField, sitesOf, textOf, why } from "@/pages/settings/form";
import { SessionList } from "@/pages/settings/own";
import { Button, ErrorState, Loading, TimeText } from "@/ui/basics";
import { Dialog } from "@/ui/dialog";
import { Table } from "@/ui/table";
import { useToast } from "@/ui/toasts";

const KEY = ["users"] as const;

export function Users() {
  const { t } = useTranslation("settings");
  const { data, error, refetch } = useQuery({
    queryKey: KEY,
    queryFn: ({ signal }) => ask<UserView[]>("/v1/users", { signal }),
  });
  const [open, setOpen] = useState<string | null>(null);
  const columns = useMemo<ColumnDef<UserView>[]>(
    () => [
      { accessorKey: "name", header: t("name") },
      {
        accessorKey: "role",
        header: t("role"),
        cell: ({ row }) => t(`roles.${row.original.role}`),
      },
      {
        id: "sites",
        header: t("sites"),
        accessorFn: (user) => user.sites?.join(", ") ?? t("everySite"),
      },
      {
        id: "state",
        header: t("state"),
        accessorFn: (user) => t(user.disabled ? "user.disabled" : "user.enabled"),
      },
      {
        accessorKey: "signed_in_at",
        header: t("user.signedIn"),
        cell: ({ row }) => <TimeText at={row.original.signed_in_at} site={null} />,
      },
      {
        id: "open",
        header: t("user.actions"),
        enableSorting: false,
        cell: ({ row }) => (
          <Button
            onClick={() => setOpen(row.original.user_id)}
            aria-label={t("user.edit", { name: row.original.name })}
          >
            {t("edit")}
          </Button>
        ),
      },
    ],
    [t],
  );
  if (error) return <ErrorState error={error} again={() => void refetch()} />;
  if (!data) return <Loading />;
  const user = data.find((one) => one.user_id === open);
  return (
    <section className="panel">
      <h2>{t("user.title")}</h2>
      <Table label={t("user.title")} rows={data} columns={columns} rowId={(one) => one.user_id} />
      <NewUser />
      {user ? <Edit user={user} close={() => setOpen(null)} /> : null}
    </section>
  );
}

function RoleField({ first = "operator" }: { first?: string }) {
  const { t } = useTranslation("settings");
  return (
    <label className="field">
      <span>{t("role")}</span>
      <select className="input" name="role" defaultValue={first}>
        {ROLES.map((role) => (
          <option key={role} value={role}>
            {t(`roles.${role}`)}
          </option>
        ))}
      </select>
    </label>
  );
}

function NewUser() {
  const { t } = useTranslation("settings");
  const client = useQueryClient();
  const [made, setMade] = useState<{ name: string; password: string } | null>(null);
  return (
    <details>
      <summary>{t("user.add")}</summary>
      <AskingForm
        submit={t("user.add")}
        send={async (fields) => {
          const body = {
            name: textOf(fields, "name"),
            role: textOf(fields, "role"),
            sites: sitesOf(fields),
          };
          const answer = await ask<{ name: string; password: string }>("/v1/users", {
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
        <RoleField />
        <SitesField first={null} />
      </AskingForm>
      {made ? <Once label={t("user.temporary", { name: made.name })} text={made.password} /> : null}
    </details>
  );
}

function Edit({ user, close }: { user: UserView; close: () => void }) {
  const { t } = useTranslation("settings");
  const client = useQueryClient();
  const toast = useToast();
  const [password, setPassword] = useState<string | null>(null);
  const path = `/v1/users/${encodeURIComponent(user.user_id)}`;
  const change = (method: "PATCH" | "DELETE", body?: unknown) => async () => {
    try {
      await ask<unknown>(path, { method, ...(body === undefined ? {} : { body }) });
      await client.invalidateQueries({ queryKey: KEY });
      if (method === "DELETE") close();
    } catch (error) {
      toast({ kind: "bad", text: why(error, t("shell:error.noAnswer")) });
    }
  };
  const reset = async () => {
    try {
      const answer = await ask<{ password: string }>(`${path}/password`, { method: "POST" });
      setPassword(answer.password);
    } catch (error) {
      toast({ kind: "bad", text: why(error, t("shell:error.noAnswer")) });
    }
  };
  return (
    <Dialog title={t("user.edit", { name: user.name })} close={close}>
      <AskingForm
        submit={t("save")}
        send={async (fields) => {
          const body = { role: textOf(fields, "role"), sites: sitesOf(fields) };
          await ask<unknown>(path, { method: "PATCH", body });
          await client.invalidateQueries({ queryKey: KEY });
          close();
        }}
      >
        <RoleField first={user.role} />
        <SitesField first={user.sites} />
      </AskingForm>
      {password ? <Once label={t("user.temporary", { name: user.name })} text={password} /> : null}
      <h3>{t("session.all")}</h3>
      <SessionList path={`${path}/sessions`} />
      <div className="dialog-foot">
        {user.sso ? null : <Button onClick={() => void reset()}>{t("user.reset")}</Button>}
        {user.totp ? (
          <Button onClick={() => void change("PATCH", { totp: false })()}>
            {t("own.factorRemove")}
          </Button>
        ) : null}
        <Button onClick={() => void change("PATCH", { disabled: !user.disabled })()}>
          {t(user.disabled ? "user.enable" : "user.disable")}
        </Button>
        <Button kind="danger" onClick={() => void change("DELETE")()}>
          {t("user.remove")}
        </Button>
      </div>
    </Dialog>
  );
}
