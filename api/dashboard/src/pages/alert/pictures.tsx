/** The pictures of an event, before and after: -3 to 3. */
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { useOutlines, useSnapshots } from "@/alerts/parts";
import type { AlertView } from "@/api/types";
import { title } from "@/lib/alert";
import { EmptyState, ErrorState, TimeText } from "@/ui/basics";
import { useKeys } from "@/ui/keys";
import { Picture } from "@/ui/picture";

export function Pictures({ alert, eventId }: { alert: AlertView; eventId: string | null }) {
  const { t } = useTranslation("alert");
  const { data, error, refetch } = useSnapshots(alert.site_id, eventId);
  const outlines = useOutlines(alert);
  const [wanted, setWanted] = useState(0);
  useEffect(() => setWanted(0), [eventId]);
  const shown = data?.find((one) => one.position === wanted) ?? data?.[0];
  const at = shown && data ? data.indexOf(shown) : -1;
  const step = (steps: number) => () => {
    const next = data?.[at + steps];
    if (next) setWanted(next.position);
  };
  useKeys({ ArrowLeft: step(-1), ArrowRight: step(1) });
  if (error && !data) return <ErrorState error={error} again={() => void refetch()} />;
  if (!eventId || !shown) return <EmptyState title={t("noPictures")} />;
  return (
    <figure className="pictures">
      <Picture
        url={shown.url}
        what={`${title(alert)} (${t("position", { position: signed(shown.position) })})`}
        boxes={shown.box ? [shown.box] : []}
        zones={outlines}
      />
      <figcaption>
        <span className="number">{t("position", { position: signed(shown.position) })}</span>
        <TimeText at={shown.captured_at} site={alert.site_id} />
      </figcaption>
      <div className="strip" role="toolbar" aria-label={t("pictures")}>
        {data?.map((one) => (
          <button
            key={one.position}
            type="button"
            aria-pressed={one === shown}
            aria-label={t("position", { position: signed(one.position) })}
            onClick={() => setWanted(one.position)}
          >
            <Picture url={one.url} what="" />
            <span className="number">{signed(one.position)}</span>
          </button>
        ))}
      </div>
    </figure>
  );
}

function signed(position: number): string {
  return position > 0 ? `+${position}` : position < 0 ? `−${-position}` : "0";
}
