/** What this browser does: sound and notifications. */
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Severity } from "@/api/types";
import { type Attention, attention, beep, SEVERITIES, setAttention } from "@/shell/attention";

export function Browser() {
  const { t } = useTranslation("settings");
  const [wanted, setWanted] = useState<Attention>(attention);
  const [denied, setDenied] = useState(false);
  const change = (part: Partial<Attention>) => {
    const next = { ...wanted, ...part };
    setAttention(next);
    setWanted(next);
  };
  const notify = async (on: boolean) => {
    const may = !on || (await Notification.requestPermission()) === "granted";
    setDenied(!may);
    change({ notify: on && may });
  };
  return (
    <section className="panel">
      <h2>{t("browser.title")}</h2>
      <div className="settings-form">
        <label>
          <input
            type="checkbox"
            checked={wanted.sound}
            onChange={(event) => {
              if (event.target.checked) beep();
              change({ sound: event.target.checked });
            }}
          />{" "}
          {t("browser.sound")}
        </label>
        <label>
          <input
            type="checkbox"
            checked={wanted.notify}
            disabled={!("Notification" in window)}
            onChange={(event) => void notify(event.target.checked)}
          />{" "}
          {t("browser.notify")}
        </label>
        <p className="refusal" role="alert">
          {denied ? t("browser.denied") : null}
        </p>
        <label className="field">
          <span>{t("browser.least")}</span>
          <select
            className="input"
            value={wanted.least}
            onChange={(event) => change({ least: event.target.value as Severity })}
          >
            {SEVERITIES.map((one) => (
              <option key={one} value={one}>
                {t(`shell:severity.${one}`)}
              </option>
            ))}
          </select>
        </label>
      </div>
    </section>
  );
}
