/** The stream for pages: hooks that read a part of it, and draw again only when that part changed. */
import {
  createContext,
  type ReactNode,
  useContext,
  useEffect,
  useRef,
  useState,
  useSyncExternalStore,
} from "react";
import type { AlertView, CameraView } from "@/api/types";
import type { Queue } from "@/stream/queue";
import { cameraKey, Stream, type StreamState, type Told } from "@/stream/stream";

const Current = createContext<Stream | null>(null);

/** One stream while there is a session. site: the one that is looked at; empty: all. */
export function StreamProvider({ site, children }: { site: string; children: ReactNode }) {
  const [stream] = useState(() => new Stream(site));
  useEffect(() => {
    stream.start();
    return () => stream.stop();
  }, [stream]);
  useEffect(() => stream.pick(site), [stream, site]);
  return <Current.Provider value={stream}>{children}</Current.Provider>;
}

export function useStreamItself(): Stream {
  const found = useContext(Current);
  if (!found) throw new Error("no stream here");
  return found;
}

/** A part of what the stream said. `part` must give the same object while nothing changed. */
export function useStream<T>(part: (state: StreamState) => T): T {
  const stream = useStreamItself();
  return useSyncExternalStore(stream.subscribe, () => part(stream.snapshot()));
}

const queueOf = (state: StreamState): Queue => state.queue;

/** The unresolved alerts by rank, and whether these are all. */
export function useQueue(): Queue {
  return useStream(queueOf);
}

/** One alert as the stream has it; null where it did not speak of it. */
export function useLiveAlert(alertId: string | null): AlertView | null {
  return useStream((state) => (alertId ? (state.queue.alerts.get(alertId) ?? null) : null));
}

const camerasOf = (state: StreamState) => state.cameras;

/** All cameras, by `site/camera`. */
export function useCameras(): ReadonlyMap<string, CameraView> {
  return useStream(camerasOf);
}

export function useCamera(siteId: string, cameraId: string | null): CameraView | null {
  return useStream((state) =>
    cameraId ? (state.cameras.get(cameraKey(siteId, cameraId)) ?? null) : null,
  );
}

/** Who else looks at this alert. */
export function usePresence(alertId: string | null): readonly string[] {
  return useStream((state) => (alertId ? state.presence.get(alertId) : undefined) ?? NOBODY);
}
const NOBODY: readonly string[] = [];

/** Tell the others that this alert is looked at here, while the component is shown. */
export function useLooking(alertId: string | null): void {
  const stream = useStreamItself();
  useEffect(() => {
    stream.lookAt(alertId);
    return () => stream.lookAt(null);
  }, [stream, alertId]);
}

/** Called with each news; the newest function counts. */
export function useNews(told: Told): void {
  const stream = useStreamItself();
  const newest = useRef(told);
  newest.current = told;
  useEffect(() => stream.listen((news) => newest.current(news)), [stream]);
}

/** Now, by the server's clock, again every `everyMs`. */
export function useNow(everyMs = 1000): number {
  const skew = useStream((state) => state.skewMs);
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now + skew;
}
