/** On which devices one is told: this one, and the others. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Severity as Grade } from "@/api/types";
import { why } from "@/pages/settings/form";
import { listed, type PushSubscriptionView, type PushView, remove, tryOut } from "@/push/api";
import { currentId, stateOf, supported, turnOff, turnOn, wish } from "@/push/device";
import { SEVERITIES } from "@/shell/attention";
import { Button, ErrorState, Loading, Severity, TimeText } from "@/ui/basics";
import { useToast } from "@/ui/toasts";

const PUSH = ["push"] as const;

interface Known {
  answer: PushView;
  /** What this browser's subscription is called. */
  id: string | null;
}

function Least({ value, change }: { value: Grade; change: (least: Grade) => void }) {
  const { t } = useTranslation("settings");
  return (
    <label className="field">
      <span>{t("push.least")}</span>
      <select
        className="input"
        value={value}
        onChange={(event) => change(event.target.value as Grade)}
      >
        {SEVERITIES.map((one) => (
          <option key={one} value={one}>
            {t(`shell:severity.${one}`)}
          </option>
        ))}
      </select>
    </label>
  );
}

function Device({ device, here, act }: { device: PushSubscriptionView; here: boolean; act: Act }) {
  const { t } = useTranslation("settings");
  const toast = useToast();
  const test = async () => {
    const { result, error } = await tryOut(device.push_id);
    const kind = result === "failed" ? "bad" : "plain";
    toast({
      ...(kind === "bad" ? { kind } : {}),
      text: t(`push.tried.${result}`, { name: device.label, why: error ?? "" }),
    });
  };
  return (
    <li>
      <span>
        <b>{device.label}</b> {here ? <span className="tag">{t("push.here")}</span> : null}{" "}
        <Severity value={device.least} />
        <br />
        <span className="quiet">
          {device.gone_at ? (
            <>
              {t("push.gone")} <TimeText at={device.gone_at} site={null} />
            </>
          ) : (
            <>
              {t("push.taken")} <TimeText at={device.taken_at} site={null} />
            </>
          )}
        </span>
      </span>
      <span className="push-acts">
        {device.gone_at ? null : (
          <Button
            aria-label={t("push.tryOf", { name: device.label })}
            onClick={() => void act(test)}
          >
            {t("push.try")}
          </Button>
        )}
        <Button
          aria-label={t("push.removeOf", { name: device.label })}
          onClick={() => void act(() => (here ? turnOff() : remove(device.push_id)))}
        >
          {t("push.remove")}
        </Button>
      </span>
    </li>
  );
}

type Act = (what: () => Promise<unknown>) => Promise<void>;

export function Devices() {
  const { t, i18n } = useTranslation("settings");
  const client = useQueryClient();
  const toast = useToast();
  const [busy, setBusy] = useState(false);
  const [least, setLeast] = useState<Grade>("high");
  const { data, error, refetch } = useQuery<Known>({
    queryKey: PUSH,
    queryFn: async ({ signal }) => ({ answer: await listed(signal), id: await currentId() }),
  });
  const act: Act = async (what) => {
    setBusy(true);
    try {
      await what();
    } catch (failed) {
      toast({ kind: "bad", text: why(failed, t("shell:error.noAnswer")) });
    } finally {
      await client.invalidateQueries({ queryKey: PUSH });
      setBusy(false);
    }
  };
  const body = () => {
    if (error) return <ErrorState error={error} again={() => void refetch()} />;
    if (!data) return <Loading />;
    const { answer, id } = data;
    const mine = answer.subscriptions.find((one) => one.push_id === id) ?? null;
    const permission = supported() ? Notification.permission : "default";
    const state = stateOf({ supported: supported(), permission, answer, mine });
    return (
      <>
        <div className="settings-form">
          <p role="status" data-push={state}>
            {t(`push.state.${state}`)}
          </p>
          {state === "off" ? <Least value={least} change={setLeast} /> : null}
          {state === "on" && mine ? (
            <Least
              value={mine.least}
              change={(wanted) => void act(() => wish(wanted, mine, i18n.language))}
            />
          ) : null}
          {state === "off" ? (
            <Button
              kind="main"
              disabled={busy}
              onClick={() => void act(() => turnOn(answer, least, i18n.language))}
            >
              {t("push.on")}
            </Button>
          ) : null}
          {state === "on" ? (
            <Button disabled={busy} onClick={() => void act(turnOff)}>
              {t("push.off")}
            </Button>
          ) : null}
        </div>
        {answer.subscriptions.length ? (
          <ul className="settings-list" aria-label={t("push.devices")}>
            {answer.subscriptions.map((one) => (
              <Device key={one.push_id} device={one} here={one.push_id === id} act={act} />
            ))}
          </ul>
        ) : null}
      </>
    );
  };
  return (
    <section className="panel">
      <h2>{t("push.title")}</h2>
      {body()}
    </section>
  );
}
