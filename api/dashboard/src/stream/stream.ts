/**
 * The one WebSocket of the page, and what it said. Everything live comes from here, and when it is
 * silent the page says so: a dead pipeline must never look like a quiet night.
 */
import { ApiError, ask, pages } from "@/api/client";
import type {
  ActivityView,
  AlertView,
  CameraView,
  PipelineState,
  Reason,
  StreamMessage,
} from "@/api/types";
import { EMPTY, MAX_UNRESOLVED, type Queue, replace, take } from "@/stream/queue";

export type Connection = "connecting" | "live" | "lost";

export interface StreamState {
  readonly connection: Connection;
  readonly lostSince: number;
  /** Server's clock less this machine's, which may be wrong. */
  readonly skewMs: number;
  readonly sites: readonly string[];
  readonly queue: Queue;
  readonly cameras: ReadonlyMap<string, CameraView>;
  readonly pipeline: { state: PipelineState; reasons: readonly Reason[] } | null;
  /** Who else looks at an alert. */
  readonly presence: ReadonlyMap<string, readonly string[]>;
  /** When what was missed was too old to be caught up with; null: never. */
  readonly reloadedAt: number | null;
}

export const BACKOFF_MS = [500, 1000, 2000, 4000, 8000] as const;
const SILENT_BEATS = 3;
/** News are put together for this long before the page is drawn again. */
const GATHER_MS = 60;
const LOOKING_MS = 400;

/** How long to wait before attempt n, spread so that a server is not met by all at once. */
export function backoff(attempt: number, random: number): number {
  const wait = BACKOFF_MS[Math.min(attempt, BACKOFF_MS.length - 1)] ?? 8000;
  return wait * (0.75 + random / 2);
}

export const cameraKey = (siteId: string, cameraId: string) => `${siteId}/${cameraId}`;

/** Called with what is new, outside of drawing: for sounds and notifications. */
export type Told = (news: {
  alerts: readonly AlertView[];
  /** Those of them that were not known before. */
  opened: readonly AlertView[];
  activity: readonly ActivityView[];
}) => void;

export class Stream {
  private state: StreamState;
  private readonly listeners = new Set<() => void>();
  private readonly told = new Set<Told>();
  private socket: WebSocket | null = null;
  private attempt = 0;
  private heartbeatMs = 5000;
  private heardAt = 0;
  private openedAt = 0;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private gather: ReturnType<typeof setTimeout> | undefined;
  private saying: ReturnType<typeof setTimeout> | undefined;
  private watch: ReturnType<typeof setInterval> | undefined;
  private news = new Map<string, AlertView>();
  private gone = new Set<string>();
  private acts: ActivityView[] = [];
  /** Ids of what the stream itself told, not a page that was read. */
  private heard = new Set<string>();
  /** What came on this connection, while the queue is being read; null: it is not. */
  private since: Map<string, AlertView> | null = null;
  private pending: Partial<StreamState> | null = null;
  private resume: string | null = null;
  private looking: string | null = null;
  private running = false;

  constructor(private site: string) {
    this.state = blank();
  }

  // --- for React ----------------------------------------------------------------------------

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly snapshot = (): StreamState => this.state;

  readonly listen = (told: Told): (() => void) => {
    this.told.add(told);
    return () => this.told.delete(told);
  };

  // --- from the page ------------------------------------------------------------------------

  start(): void {
    if (this.running) return;
    this.running = true;
    this.watch = setInterval(() => this.look(), 1000);
    addEventListener("online", this.hurry);
    this.connect();
  }

  stop(): void {
    this.running = false;
    clearInterval(this.watch);
    clearTimeout(this.retry);
    clearTimeout(this.saying);
    clearTimeout(this.gather);
    this.gather = undefined;
    removeEventListener("online", this.hurry);
    this.drop();
  }

  /** Listen to one site, or to all (empty). */
  pick(site: string): void {
    if (site === this.site) return;
    this.site = site;
    this.resume = null;
    clearTimeout(this.gather);
    this.gather = undefined;
    this.state = { ...blank(), sites: this.state.sites };
    this.forget();
    this.emit();
    if (!this.running) return;
    clearTimeout(this.retry);
    this.attempt = 0;
    this.drop();
    this.connect();
  }

  /** Tell the others which alert is looked at here; null: none. */
  lookAt(alertId: string | null): void {
    if (this.looking === alertId) return;
    this.looking = alertId;
    // Who runs through the queue with a key held down looks at none of it.
    clearTimeout(this.saying);
    this.saying = setTimeout(() => this.say(), LOOKING_MS);
  }

  /** An answer from elsewhere (a page that was read, a command's) joins what the stream said. */
  offer(alerts: Iterable<AlertView>): void {
    for (const alert of alerts) this.news.set(alert.alert_id, alert);
    this.later();
  }

  // --- the connection -----------------------------------------------------------------------

  private readonly hurry = (): void => {
    if (!this.socket) this.connect();
  };

  private connect(): void {
    clearTimeout(this.retry);
    const query = new URLSearchParams();
    if (this.site) query.set("site_id", this.site);
    if (this.resume) query.set("resume", this.resume);
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const mine = new WebSocket(`${scheme}://${location.host}/v1/stream?${query}`);
    this.socket = mine;
    this.openedAt = Date.now();
    mine.onopen = () => this.say();
    mine.onmessage = (event) => {
      if (mine !== this.socket) return;
      this.heardAt = Date.now();
      let message: StreamMessage;
      try {
        message = JSON.parse(String(event.data)) as StreamMessage;
      } catch {
        return;
      }
      this.hear(message);
    };
    mine.onclose = () => {
      if (mine === this.socket) this.lost();
    };
  }

  private drop(): void {
    const old = this.socket;
    this.socket = null;
    old?.close();
  }

  private lost(): void {
    this.drop();
    this.since = null;
    if (this.state.connection === "live") {
      this.change({ connection: "lost", lostSince: this.heardAt || Date.now() });
    } else {
      this.change({ connection: "lost" });
    }
    const wait = backoff(this.attempt, Math.random());
    this.attempt += 1;
    clearTimeout(this.retry);
    this.retry = setTimeout(() => void this.again(), wait);
  }

  /** A handshake does not say why it was refused; an ordinary request does, and renews. */
  private async again(): Promise<void> {
    try {
      await ask("/v1/sites");
    } catch (error) {
      // Signed out: whoever shows the sign-in page stops this stream.
      if (error instanceof ApiError && error.status === 401) return;
    }
    if (this.running && !this.socket) this.connect();
  }

  private look(): void {
    // A connection can be open and dead: no word for three heartbeats is no connection.
    const heard = Math.max(this.heardAt, this.openedAt);
    if (this.socket && Date.now() - heard > SILENT_BEATS * this.heartbeatMs) this.lost();
  }

  private say(): void {
    if (this.socket?.readyState !== WebSocket.OPEN) return;
    this.socket.send(JSON.stringify({ type: "looking", alert_id: this.looking }));
  }

  // --- what it says -------------------------------------------------------------------------

  private hear(message: StreamMessage): void {
    if (message.resume) this.resume = message.resume;
    switch (message.type) {
      case "hello":
        this.heartbeatMs = message.heartbeat_s * 1000;
        this.change({ skewMs: Date.parse(message.at) - Date.now() });
        if (!this.site) this.change({ sites: message.sites });
        this.since = new Map();
        if (message.resumed) {
          // What is shown is what was known before; what was missed follows.
          this.since = null;
          this.arrived();
        }
        break;
      case "reload":
        this.change({ reloadedAt: Date.now() });
        break;
      case "alerts":
        this.read(message);
        break;
      case "alert":
        this.since?.set(message.alert.alert_id, message.alert);
        this.news.set(message.alert.alert_id, message.alert);
        this.heard.add(message.alert.alert_id);
        this.later();
        break;
      case "alert_removed":
        this.news.delete(message.alert_id);
        this.since?.delete(message.alert_id);
        this.gone.add(message.alert_id);
        this.later();
        break;
      case "activity":
        this.acts.push(message.activity);
        this.later();
        break;
      case "cameras":
        this.change({
          cameras: new Map(
            message.cameras.map((one) => [cameraKey(one.site_id, one.camera_id), one]),
          ),
        });
        break;
      case "camera": {
        const cameras = new Map(this.pending?.cameras ?? this.state.cameras);
        cameras.set(cameraKey(message.camera.site_id, message.camera.camera_id), message.camera);
        this.change({ cameras });
        break;
      }
      case "pipeline":
        this.change({ pipeline: { state: message.state, reasons: message.reasons } });
        break;
      case "presence":
        this.change({ presence: new Map([[message.alert_id, message.names]]) });
        break;
      default:
      // A newer server may say more than this page knows.
    }
  }

  private read(message: { alerts: AlertView[]; complete: boolean; history: boolean }): void {
    const since = this.since ?? new Map<string, AlertView>();
    this.news.clear();
    this.gone.clear();
    this.change({
      queue: replace(message.alerts, since.values(), message.complete, message.history),
    });
    this.arrived();
    if (!message.complete && message.history) void this.rest(this.socket);
  }

  private arrived(): void {
    this.attempt = 0;
    this.change({ connection: "live" });
  }

  /** The stream tells the top of a long queue; the rest is read page by page. */
  private async rest(mine: WebSocket | null): Promise<void> {
    try {
      const read = pages<AlertView>(
        "/v1/alerts",
        { state: ["open", "acknowledged"], sort: "rank", site_id: this.site || null },
        MAX_UNRESOLVED,
      );
      for await (const { items, complete } of read) {
        if (mine !== this.socket) return;
        // Page by page: thousands at once would be felt as a halt.
        this.offer(items);
        const queue = this.pending?.queue ?? this.state.queue;
        if (complete) this.change({ queue: { ...queue, complete: true } });
      }
    } catch {
      // The top of the queue is there, and the page says that there is more.
    }
  }

  private forget(): void {
    this.forgetNews();
    this.since = null;
  }

  private change(part: Partial<StreamState>): void {
    this.pending = { ...this.pending, ...part };
    this.later();
  }

  private later(): void {
    // A hidden page gets no animation frames; what it knows must be current when it is looked at.
    this.gather ??= setTimeout(() => {
      this.gather = undefined;
      this.flush();
    }, GATHER_MS);
  }

  private flush(): void {
    const alerts = [...this.news.values()];
    const activity = this.acts;
    const gone = [...this.gone];
    const heard = this.heard;
    const next = { ...this.state, ...this.pending };
    this.forgetNews();
    const queue = take(next.queue, alerts, gone);
    const known = next.queue.alerts;
    this.state = { ...next, queue };
    this.emit();
    const news = alerts.filter((one) => (known.get(one.alert_id)?.revision ?? -1) < one.revision);
    const opened = news.filter((one) => heard.has(one.alert_id) && !known.has(one.alert_id));
    if (news.length || activity.length)
      for (const told of this.told) told({ alerts: news, opened, activity });
  }

  private forgetNews(): void {
    this.news.clear();
    this.gone.clear();
    this.acts = [];
    this.heard = new Set();
    this.pending = null;
  }

  private emit(): void {
    for (const listener of this.listeners) listener();
  }
}

function blank(): StreamState {
  return {
    connection: "connecting",
    lostSince: Date.now(),
    skewMs: 0,
    sites: [],
    queue: EMPTY,
    cameras: new Map(),
    pipeline: null,
    presence: new Map(),
    reloadedAt: null,
  };
}
