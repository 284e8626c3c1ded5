/** Sound and notifications, by choice, for alerts that are new; and this device, where it is told. */
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { keep } from "@/push/device";
import { attention, beep, show, worth } from "@/shell/attention";
import { useNews } from "@/stream/context";

export function Notifier() {
  const { t, i18n } = useTranslation();
  const language = i18n.language;
  useEffect(() => {
    // Nothing here waits for it, and what fails is tried at the next visit.
    keep(language).catch(() => {});
  }, [language]);
  useNews(({ opened }) => {
    const wanted = attention();
    const found = worth(opened, wanted.least);
    if (!found.length) return;
    if (wanted.sound) beep();
    // Who looks at the queue sees it there.
    if (wanted.notify && document.hidden) show(found, (count) => t("manyAlerts", { count }));
  });
  return null;
}
