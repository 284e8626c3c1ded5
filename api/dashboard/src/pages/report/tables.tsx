/** The report's tables. */
import type { ColumnDef } from "@tanstack/react-table";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { words } from "@/lib/words";
import { Severity, TimeText } from "@/ui/basics";
import { Table } from "@/ui/table";
import type { CameraLine, HourLine, Precision, RuleLine, SeverityLine } from "./api";
import { SEVERITIES, seconds } from "./shift";

export function PrecisionBar({ line }: { line: Precision }) {
  const { t, i18n } = useTranslation("report");
  const judged = line.true + line.false + line.benign;
  if (line.precision === null) return <span className="quiet">{t("notJudged")}</span>;
  const percent = new Intl.NumberFormat(i18n.language, { style: "percent" }).format(line.precision);
  return (
    <span className="precision">
      <span className="precision-bar" aria-hidden="true">
        <i style={{ width: `${100 * line.precision}%` }} />
      </span>
      <span className="number">{percent}</span>
      <small className="quiet">{t("ofJudged", { count: judged })}</small>
    </span>
  );
}

function judgedColumns<T extends Precision>(t: (key: string) => string): ColumnDef<T>[] {
  return [
    { id: "opened", header: t("opened"), accessorFn: (line) => line.opened },
    { id: "true", header: t("true"), accessorFn: (line) => line.true },
    { id: "false", header: t("false"), accessorFn: (line) => line.false },
    { id: "benign", header: t("benign"), accessorFn: (line) => line.benign },
    { id: "unjudged", header: t("unjudged"), accessorFn: (line) => line.unjudged },
    {
      id: "precision",
      header: t("precision"),
      accessorFn: (line) => line.precision ?? -1,
      cell: ({ row }) => <PrecisionBar line={row.original} />,
    },
  ];
}

export function Rules({ lines, sites }: { lines: readonly RuleLine[]; sites: boolean }) {
  const { t } = useTranslation("report");
  const columns = useMemo(
    (): ColumnDef<RuleLine>[] => [
      ...(sites ? [{ id: "site", header: t("site"), accessorFn: (l: RuleLine) => l.site_id }] : []),
      { id: "zone", header: t("zone"), accessorFn: (line) => line.zone_id ?? "–" },
      { id: "type", header: t("type"), accessorFn: (line) => words(line.event_type) },
      ...judgedColumns<RuleLine>(t),
    ],
    [t, sites],
  );
  return (
    <Table
      label={t("byRule")}
      rows={lines}
      columns={columns}
      rowId={(line) => `${line.site_id}/${line.zone_id ?? ""}/${line.event_type}`}
      sorting={[{ id: "opened", desc: true }]}
    />
  );
}

export function Cameras({ lines, sites }: { lines: readonly CameraLine[]; sites: boolean }) {
  const { t } = useTranslation("report");
  const columns = useMemo(
    (): ColumnDef<CameraLine>[] => [
      ...(sites
        ? [{ id: "site", header: t("site"), accessorFn: (l: CameraLine) => l.site_id }]
        : []),
      { id: "camera", header: t("camera"), accessorFn: (line) => line.camera_id ?? t("noCamera") },
      ...judgedColumns<CameraLine>(t),
    ],
    [t, sites],
  );
  return (
    <Table
      label={t("byCamera")}
      rows={lines}
      columns={columns}
      rowId={(line) => `${line.site_id}/${line.camera_id ?? ""}`}
      sorting={[{ id: "opened", desc: true }]}
    />
  );
}

export function Severities({ lines }: { lines: readonly SeverityLine[] }) {
  const { t } = useTranslation("report");
  const columns = useMemo(
    (): ColumnDef<SeverityLine>[] => [
      {
        id: "severity",
        header: t("severity"),
        accessorFn: (line) => SEVERITIES.indexOf(line.severity),
        cell: ({ row }) => <Severity value={row.original.severity} />,
      },
      { id: "opened", header: t("opened"), accessorFn: (line) => line.opened },
      { id: "acknowledged", header: t("acknowledged"), accessorFn: (line) => line.acknowledged },
      { id: "resolved", header: t("resolved"), accessorFn: (line) => line.resolved },
      ...(["ack_p50_s", "ack_p90_s", "resolve_p50_s", "resolve_p90_s"] as const).map(
        (name): ColumnDef<SeverityLine> => ({
          id: name,
          header: t(name),
          accessorFn: (line) => line[name] ?? -1,
          cell: ({ row }) => <span className="number">{seconds(row.original[name])}</span>,
        }),
      ),
      { id: "folded", header: t("folded"), accessorFn: (line) => line.folded },
    ],
    [t],
  );
  return (
    <Table
      label={t("bySeverity")}
      rows={lines}
      columns={columns}
      rowId={(line) => line.severity}
      sorting={[{ id: "severity", desc: false }]}
    />
  );
}

export function Hours({ hours, site }: { hours: readonly HourLine[]; site: string | null }) {
  const { t } = useTranslation("report");
  const { t: shell } = useTranslation();
  const columns = useMemo(
    (): ColumnDef<HourLine>[] => [
      {
        id: "from",
        header: t("hour"),
        accessorFn: (line) => line.from,
        cell: ({ row }) => <TimeText at={row.original.from} site={site} />,
      },
      { id: "opened", header: t("opened"), accessorFn: (line) => line.opened },
      ...SEVERITIES.map(
        (severity): ColumnDef<HourLine> => ({
          id: severity,
          header: shell(`severity.${severity}`),
          accessorFn: (line) => line[severity],
        }),
      ),
    ],
    [t, shell, site],
  );
  return <Table label={t("byHour")} rows={hours} columns={columns} rowId={(line) => line.from} />;
}
