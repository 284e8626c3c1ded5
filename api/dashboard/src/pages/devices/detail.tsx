/** One device: its days, how fast outages are found and ended, its changes, its newest polls. */
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { ask } from "@/api/client";
import type { Paged } from "@/api/types";
import { span } from "@/lib/time";
import { words } from "@/lib/words";
import { ErrorState, Loading, TimeText } from "@/ui/basics";
import type { ChangeView, DeviceDetail, DeviceView, UptimeView } from "./api";
import { level, share } from "./order";

const DAYS = 30;
const CHANGES = 12;

interface Told {
  device: DeviceDetail;
  uptime: UptimeView;
  changes: ChangeView[];
}

export function Detail({ device }: { device: DeviceView }) {
  const path = `/v1/devices/${encodeURIComponent(device.site_id)}/${encodeURIComponent(device.device_id)}`;
  const { data, error, refetch } = useQuery({
    queryKey: ["device", device.site_id, device.device_id],
    queryFn: async ({ signal }): Promise<Told> => {
      const [whole, uptime, changes] = await Promise.all([
        ask<DeviceDetail>(path, { signal }),
        ask<UptimeView>(`${path}/uptime`, { query: { days: DAYS }, signal }),
        ask<Paged<ChangeView>>(`${path}/history`, { query: { limit: CHANGES }, signal }),
      ]);
      return { device: whole, uptime, changes: changes.items };
    },
    refetchInterval: 15_000,
  });
  if (error && !data) return <ErrorState error={error} again={() => void refetch()} />;
  if (!data) return <Loading />;
  return (
    <div className="device-detail">
      <div>
        <Uptime uptime={data.uptime} />
        {device.kind === "camera" ? (
          <p>
            <TimelineLink device={device} />
          </p>
        ) : null}
      </div>
      <div>
        <Changes changes={data.changes} site={device.site_id} />
        <Polls device={data.device} />
      </div>
    </div>
  );
}

function TimelineLink({ device }: { device: DeviceView }) {
  const { t } = useTranslation("devices");
  const query = new URLSearchParams({ site: device.site_id, camera: device.device_id });
  return <Link to={`/timeline?${query}`}>{t("timeline")}</Link>;
}

function Uptime({ uptime }: { uptime: UptimeView }) {
  const { t, i18n } = useTranslation("devices");
  const seconds = (value: number | null) => (value === null ? "–" : span(value * 1000));
  const percent = (value: number | null) =>
    value === null ? t("unknown") : share(value, i18n.language);
  return (
    <>
      <h3>{t("upIn", { count: uptime.days.length, zone: uptime.timezone })}</h3>
      <ol className="days">
        {uptime.days.map((day) => {
          const up = day.up === null ? t("unknown") : t("up", { share: percent(day.up) });
          const down = day.down_s ? t("down", { span: seconds(day.down_s) }) : "";
          const text = [`${day.date}: ${up}`, down].filter(Boolean).join(", ");
          return (
            <li key={day.date} data-level={level(day.up)} title={text}>
              <span className="hidden-text">{text}</span>
            </li>
          );
        })}
      </ol>
      <dl className="facts">
        <Fact name={t("fact.up")}>{percent(uptime.up)}</Fact>
        <Fact name={t("fact.down")}>{seconds(uptime.down_s)}</Fact>
        <Fact name={t("fact.suspect")}>{seconds(uptime.suspect_s)}</Fact>
        <Fact name={t("fact.outages")}>
          {t("outages", { count: uptime.outages, repaired: uptime.repaired })}
        </Fact>
        <Fact name={t("fact.mttd")}>{seconds(uptime.mttd_s)}</Fact>
        <Fact name={t("fact.mttr")}>{seconds(uptime.mttr_s)}</Fact>
      </dl>
      {uptime.complete ? null : <p className="note">{t("incomplete")}</p>}
    </>
  );
}

function Fact({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

function Changes({ changes, site }: { changes: readonly ChangeView[]; site: string }) {
  const { t } = useTranslation("devices");
  return (
    <>
      <h3>{t("changes")}</h3>
      {changes.length ? (
        <ol className="changes">
          {changes.map((change) => (
            <li key={change.at} data-health={change.severity}>
              <b>{t(`health.${change.severity}`)}</b>
              {change.until
                ? ` ${t("for", { span: span(Date.parse(change.until) - Date.parse(change.at)) })}`
                : ""}
              {", "}
              <TimeText at={change.at} site={site} />
              {change.error ? <span className="error">: {change.error}</span> : null}
            </li>
          ))}
        </ol>
      ) : (
        <p className="quiet">{t("noPoll")}</p>
      )}
    </>
  );
}

function Polls({ device }: { device: DeviceDetail }) {
  const { t } = useTranslation("devices");
  if (!device.probes.length && !device.children.length) return null;
  const bad = device.children.filter((child) => child.severity === "critical").length;
  return (
    <>
      <h3>{t("polls")}</h3>
      <dl className="facts">
        {device.probes.map((probe) => (
          <Fact key={probe.kind} name={t("probe", { kind: probe.kind })}>
            {probe.ok ? t("well") : (probe.error ?? probe.state ?? t("failed"))}
            {", "}
            <TimeText at={probe.at} site={device.site_id} />
          </Fact>
        ))}
        {device.probes.flatMap((probe) =>
          Object.entries(probe.facts).map(([name, value]) => (
            <Fact key={`${probe.kind} ${name}`} name={words(name)}>
              {String(value)}
            </Fact>
          )),
        )}
        {device.children.length ? (
          <Fact name={t("fact.children")}>
            {t("devices", { count: device.children.length })}
            {bad ? `, ${t("counted.critical", { count: bad })}` : ""}
          </Fact>
        ) : null}
      </dl>
    </>
  );
}
