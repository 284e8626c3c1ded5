/**
 * A camera's newest picture, asked for only while it is to be seen. It is drawn on a canvas, so that
 * what it shows and the header that says how old it is come from the same answer.
 */
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { address } from "@/api/client";
import "./live-picture.css";

export interface Seen {
  /** When the picture was seen, by the server's clock, in ms. */
  at: number;
  /** A frame of now, or the newest picture of an event where no frame came lately. */
  source: "live" | "event";
}

interface LivePictureProps {
  site: string;
  camera: string;
  /** What it shows, for those who do not see it. */
  what: string;
  /** Another one: there is another picture. null: nothing is known, ask now and then. */
  tag: string | null;
  /** How often it is asked for while no tag is known. */
  everyMs?: number;
  /** Told after each picture, and with null where there is none. */
  seen?: (seen: Seen | null) => void;
}

const PATIENCE_MS = 15_000;
const NOW_AND_THEN_MS = 30_000;

export function LivePicture({
  site,
  camera,
  what,
  tag,
  everyMs = NOW_AND_THEN_MS,
  seen,
}: LivePictureProps) {
  const { t } = useTranslation();
  const canvas = useRef<HTMLCanvasElement>(null);
  const told = useRef(seen);
  told.current = seen;
  const near = useNear(canvas);
  const [state, setState] = useState<"coming" | "there" | "none">("coming");
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    if (tag !== null || !near) return;
    const timer = setInterval(() => setTurn((before) => before + 1), everyMs);
    return () => clearInterval(timer);
  }, [tag, near, everyMs]);
  // A new tag or turn is a new picture.
  useEffect(() => {
    if (!near) return;
    const stop = new AbortController();
    const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(PATIENCE_MS)]);
    draw(canvas.current, site, camera, signal)
      .then((found) => {
        if (stop.signal.aborted) return;
        setState(found ? "there" : "none");
        told.current?.(found);
      })
      .catch(() => {
        // The next tag asks again; what is shown says how old it is.
      });
    return () => stop.abort();
  }, [site, camera, tag, turn, near]);
  return (
    <span className="picture live-picture" data-state={state}>
      <canvas
        ref={canvas}
        role="img"
        width="16"
        height="9"
        aria-label={t("picture.alt", { what })}
      />
      {state === "none" ? <span className="none">{t("picture.none")}</span> : null}
    </span>
  );
}

async function draw(
  canvas: HTMLCanvasElement | null,
  site: string,
  camera: string,
  signal: AbortSignal,
): Promise<Seen | null> {
  const path = `/v1/cameras/${encodeURIComponent(camera)}/snapshot`;
  const answer = await fetch(address(path, { site_id: site }), { signal });
  if (answer.status === 404) return null;
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  const ageS = Number(answer.headers.get("watchfloor-age") ?? 0);
  const by = Date.parse(answer.headers.get("date") ?? "") || Date.now();
  const source = answer.headers.get("watchfloor-source") === "event" ? "event" : "live";
  const bitmap = await createImageBitmap(await answer.blob());
  if (canvas && !signal.aborted) {
    if (canvas.width !== bitmap.width) canvas.width = bitmap.width;
    if (canvas.height !== bitmap.height) canvas.height = bitmap.height;
    canvas.getContext("2d")?.drawImage(bitmap, 0, 0);
  }
  bitmap.close();
  return { at: by - ageS * 1000, source };
}

/** Whether the element is on the screen, or nearly so. */
function useNear(element: React.RefObject<Element | null>): boolean {
  const [near, setNear] = useState(false);
  useEffect(() => {
    const target = element.current;
    if (!target) return;
    const observer = new IntersectionObserver(
      (entries) => setNear(entries.at(-1)?.isIntersecting ?? false),
      { rootMargin: "200px" },
    );
    observer.observe(target);
    return () => observer.disconnect();
  }, [element]);
  return near;
}
