/** A camera's picture with what was seen drawn on it. */
import { type ReactNode, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Box } from "@/api/types";

const RETRY_MS = [1000, 2000, 4000, 8000, 15000];

export interface PictureProps {
  /** null: there is none. */
  url: string | null;
  /** What it shows, for those who do not see it. */
  what: string;
  /** x1, y1, x2, y2 in 0..1 of the picture. */
  boxes?: readonly Box[];
  /** Outlines in 0..1 of the picture. */
  zones?: readonly (readonly (readonly [number, number])[])[];
  /** Drawn over the picture, in a coordinate system of 0..1. */
  children?: ReactNode;
}

/** One that is still on its way (404) is asked for again, ever more rarely. */
export function Picture({ url, what, boxes = [], zones = [], children }: PictureProps) {
  const { t } = useTranslation();
  const [tried, setTried] = useState({ url, tries: 0, failed: false, loaded: false });
  // Another picture begins anew, in the same step: the old one's boxes never lie on it.
  const now = tried.url === url ? tried : { url, tries: 0, failed: false, loaded: false };
  const wait = RETRY_MS[now.tries];
  useEffect(() => {
    if (!now.failed || wait === undefined) return;
    const timer = setTimeout(
      () => setTried({ url, tries: now.tries + 1, failed: false, loaded: false }),
      wait,
    );
    return () => clearTimeout(timer);
  }, [now.failed, now.tries, url, wait]);
  const shown = url !== null && !now.failed;
  return (
    <span className="picture">
      {shown ? (
        <img
          key={`${url} ${now.tries}`}
          src={url}
          alt={t("picture.alt", { what })}
          decoding="async"
          onLoad={() => setTried({ ...now, url, loaded: true })}
          onError={() => setTried({ ...now, url, failed: true, loaded: false })}
        />
      ) : (
        <span className="none">
          {url !== null && wait !== undefined ? t("picture.coming") : t("picture.none")}
        </span>
      )}
      {shown && now.loaded && (boxes.length || zones.length || children) ? (
        <svg viewBox="0 0 1 1" preserveAspectRatio="none" aria-hidden="true">
          {zones.map((points) => (
            <polygon
              key={points.join(" ")}
              className="zone"
              points={points.map(([x, y]) => `${x},${y}`).join(" ")}
            />
          ))}
          {boxes.map(([x1, y1, x2, y2]) => (
            <rect
              key={`${x1} ${y1} ${x2} ${y2}`}
              className="box"
              x={x1}
              y={y1}
              width={x2 - x1}
              height={y2 - y1}
            />
          ))}
          {children}
        </svg>
      ) : null}
    </span>
  );
}
