/** How the cameras are, in a line; each of them when it is opened. */
import { useTranslation } from "react-i18next";
import { cameraWord } from "@/lib/camera";
import { useCameras, useNow } from "@/stream/context";

export function Cameras() {
  const { t } = useTranslation("queue");
  const cameras = useCameras();
  const now = useNow(1000);
  const all = [...cameras].sort(([a], [b]) => (a < b ? -1 : 1));
  const told = all.map(([key, camera]) => ({ key, camera, ...cameraWord(camera, now) }));
  const captured = told.filter(({ camera }) => camera.captured).length;
  const good = told.filter(({ health }) => health === "good").length;
  return (
    <details className="queue-cameras" data-bad={told.some(({ health }) => health === "bad")}>
      <summary>{t("cameras", { good, captured })}</summary>
      <ul className="live">
        {told.map(({ key, camera, health, word, ago, state }) => (
          <li key={key} data-health={health} title={camera.error ?? ""}>
            <span className="dot" aria-hidden="true" />
            <b>{camera.name}</b>
            <span className="quiet">
              {camera.site_id} · {t(`camera.${word}`, { ago, state })}
            </span>
          </li>
        ))}
      </ul>
    </details>
  );
}
