/** Recorders, cameras and services: how they are now, and how they have been. */
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { all } from "@/api/client";
import { span } from "@/lib/time";
import { useSite } from "@/shell/site";
import { useNow } from "@/stream/context";
import { EmptyState, ErrorState, Loading, Page, TimeText } from "@/ui/basics";
import type { DeviceView } from "./api";
import { Detail } from "./detail";
import "@/ui/notes.css";
import "./devices.css";
import { bySite, counts, keyOf, type SiteDevices, share } from "./order";

const EVERY_MS = 5_000;
const MOST = 5_000;
const COLUMNS = ["device", "health", "since", "upToday", "nextPoll", "error"] as const;

export default function Devices() {
  const { t } = useTranslation("devices");
  const { site } = useSite();
  const [troubled, setTroubled] = useState(false);
  const [text, setText] = useState("");
  const { data, error, refetch, dataUpdatedAt } = useQuery({
    queryKey: ["devices", site],
    queryFn: ({ signal }) =>
      all<DeviceView>("/v1/devices", { site_id: site || null }, MOST, signal),
    refetchInterval: EVERY_MS,
  });
  const sites = useMemo(
    () => bySite(data?.items ?? [], { troubled, text }),
    [data, troubled, text],
  );
  const shown = sites.reduce((sum, one) => sum + one.devices.length, 0);
  return (
    <Page
      title={t("nav")}
      actions={
        <>
          <Summary devices={data?.items ?? []} />
          <span className="spring" />
          <label>
            <span className="hidden-text">{t("search")}</span>
            <input
              className="input"
              type="search"
              placeholder={t("search")}
              value={text}
              onChange={(event) => setText(event.target.value)}
            />
          </label>
          <label className="check">
            <input
              type="checkbox"
              checked={troubled}
              onChange={(event) => setTroubled(event.target.checked)}
            />
            {t("troubled")}
          </label>
        </>
      }
    >
      {error && data ? <Old error={error} since={dataUpdatedAt} /> : null}
      {error && !data ? <ErrorState error={error} again={() => void refetch()} /> : null}
      {!data && !error ? <Loading /> : null}
      {data && !data.complete ? <p className="note">{t("more", { count: MOST })}</p> : null}
      {sites.map((one) => (
        <SiteSection key={one.site} {...one} />
      ))}
      {data && !shown ? <EmptyState title={t(data.items.length ? "allNormal" : "none")} /> : null}
    </Page>
  );
}

function Summary({ devices }: { devices: readonly DeviceView[] }) {
  const { t } = useTranslation("devices");
  return (
    <p className="quiet" role="status">
      {counts(devices)
        .map(([health, count]) => t(`counted.${health}`, { count }))
        .join(", ")}
    </p>
  );
}

/** What is below was true a while ago. */
function Old({ error, since }: { error: Error; since: number }) {
  const { t } = useTranslation("devices");
  const now = Date.now();
  useNow(1000);
  return (
    <p className="note bad" role="alert">
      {t("old", { ago: span(now - since), why: error.message })}
    </p>
  );
}

function SiteSection({ site, devices, critical }: SiteDevices) {
  const { t } = useTranslation("devices");
  const title = `devices-of-${site}`;
  return (
    <section aria-labelledby={title} className="live">
      <h2 id={title}>
        {site} <span className="quiet">{t("devices", { count: devices.length })}</span>
        {critical ? (
          <span className="count-bad"> {t("counted.critical", { count: critical })}</span>
        ) : null}
      </h2>
      <div className="table-wrap">
        <table className="table devices">
          <thead>
            <tr>
              {COLUMNS.map((name) => (
                <th key={name} scope="col">
                  {t(`column.${name}`)}
                </th>
              ))}
            </tr>
          </thead>
          {devices.map((device) => (
            <Device key={keyOf(device)} device={device} />
          ))}
        </table>
      </div>
    </section>
  );
}

function Device({ device }: { device: DeviceView }) {
  const { t, i18n } = useTranslation("devices");
  const [open, setOpen] = useState(false);
  const now = useNow(1000);
  const more = `more-${keyOf(device)}`;
  return (
    <tbody data-health={device.severity} className={device.overdue ? "old" : undefined}>
      <tr>
        <th scope="row">
          <button
            type="button"
            className="open"
            aria-expanded={open}
            aria-controls={more}
            onClick={() => setOpen(!open)}
          >
            <span className="chevron" aria-hidden="true">
              ›
            </span>
            {device.name}
          </button>
          <span className="place quiet">
            {[
              device.device_id,
              t(`kind.${device.kind}`),
              device.parent ? t("behind", { parent: device.parent }) : null,
            ]
              .filter(Boolean)
              .join(" · ")}
          </span>
        </th>
        <td>
          <span className="health">
            <span className="dot" aria-hidden="true" />
            {t(`health.${device.severity}`)}
          </span>
          {device.breaker === "open" ? <span className="tag">{t("breakerOpen")}</span> : null}
          {device.load_shed ? <span className="tag">{t("loadShed")}</span> : null}
        </td>
        <td>
          {device.since ? (
            <>
              {t("ago", { span: span(now - Date.parse(device.since)) })}{" "}
              <small className="quiet">
                <TimeText at={device.since} site={device.site_id} />
              </small>
            </>
          ) : (
            "–"
          )}
        </td>
        <td className="number">
          {device.up_today === null ? "–" : share(device.up_today, i18n.language)}
        </td>
        <td className="number">{next(device, now, t)}</td>
        <td className="error">{device.error ?? ""}</td>
      </tr>
      {open ? (
        <tr className="more">
          <td colSpan={COLUMNS.length} id={more}>
            <Detail device={device} />
          </td>
        </tr>
      ) : null}
    </tbody>
  );
}

type T = (key: string, options?: Record<string, unknown>) => string;

function next(device: DeviceView, now: number, t: T): string {
  if (!device.next_poll_at) return device.driver ? "–" : t("notPolled");
  const due = Date.parse(device.next_poll_at) - now;
  if (device.overdue) return t("overdue", { span: span(-due) });
  return due > 0 ? t("in", { span: span(due) }) : t("now");
}
