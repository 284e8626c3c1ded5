/** Sound and notifications, by choice, for alerts that are new. */
import { useTranslation } from "react-i18next";
import { attention, beep, show, worth } from "@/shell/attention";
import { useNews } from "@/stream/context";

export function Notifier() {
  const { t } = useTranslation();
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
