/** Who did what to users, tokens and keys, the newest first. */
import { useInfiniteQuery } from "@tanstack/react-query";
import type { ColumnDef } from "@tanstack/react-table";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { ACT_KINDS, type ActView } from "@/api/accounts";
import { ask } from "@/api/client";
import type { Paged } from "@/api/types";
import { Button, ErrorState, Loading, TimeText } from "@/ui/basics";
import { Table } from "@/ui/table";

const A_PAGE = 50;

export function Log() {
  const { t } = useTranslation("settings");
  const [kind, setKind] = useState("");
  const { data, error, hasNextPage, fetchNextPage, isFetchingNextPage, refetch } = useInfiniteQuery(
    {
      queryKey: ["audit", kind],
      queryFn: ({ pageParam, signal }) =>
        ask<Paged<ActView>>("/v1/audit", {
          query: { cursor: pageParam, limit: A_PAGE, kind: kind || null },
          signal,
        }),
      initialPageParam: null as string | null,
      getNextPageParam: (last) => last.next,
    },
  );
  const rows = useMemo(() => data?.pages.flatMap((page) => page.items) ?? [], [data]);
  const columns = useMemo<ColumnDef<ActView>[]>(
    () => [
      {
        accessorKey: "at",
        header: t("log.at"),
        cell: ({ row }) => <TimeText at={row.original.at} site={null} />,
      },
      { accessorKey: "actor", header: t("log.actor") },
      { id: "kind", header: t("log.kind"), accessorFn: (one) => t(`log.kinds.${one.kind}`) },
      { id: "target", header: t("log.target"), accessorFn: (one) => one.target ?? "" },
      { id: "detail", header: t("log.detail"), accessorFn: (one) => one.detail ?? "" },
      { id: "address", header: t("log.address"), accessorFn: (one) => one.address ?? "" },
    ],
    [t],
  );
  return (
    <section className="panel">
      <h2>{t("log.title")}</h2>
      <label className="field">
        <span>{t("log.kind")}</span>
        <select className="input" value={kind} onChange={(event) => setKind(event.target.value)}>
          <option value="">{t("log.every")}</option>
          {ACT_KINDS.map((one) => (
            <option key={one} value={one}>
              {t(`log.kinds.${one}`)}
            </option>
          ))}
        </select>
      </label>
      {error ? (
        <ErrorState error={error} again={() => void refetch()} />
      ) : data ? (
        <Table label={t("log.title")} rows={rows} columns={columns} rowId={(one) => one.audit_id} />
      ) : (
        <Loading />
      )}
      {hasNextPage ? (
        <Button onClick={() => void fetchNextPage()} disabled={isFetchingNextPage}>
          {t("log.more")}
        </Button>
      ) : null}
    </section>
  );
}
