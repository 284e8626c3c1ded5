/** A backtest of what is drawn, followed to its end. */
import { useMutation, useQuery } from "@tanstack/react-query";
import { ask } from "@/api/client";
import type { Box } from "@/api/types";

export interface Fate {
  alert_id: string;
  site: string;
  camera: string;
  zone: string;
  type: string;
  label: string | null;
  opened_at: string;
  resolution: string;
  resolved_by: string | null;
  reason: string | null;
  before: boolean;
}

export interface Added {
  site: string;
  camera: string;
  zone: string;
  type: string;
  label: string | null;
  at: string;
  track_id: string;
  confidence: number | null;
  box: Box | null;
}

interface Figures {
  events: number;
  alerts: number;
  told: number;
  notifications: number;
}

export interface Result {
  since: string;
  until: string;
  events: number;
  tried_on_tracks: number;
  recorded: { alerts: number; confirmed: number; dismissed: number };
  before: Figures;
  after: Figures;
  missed: Fate[];
  untold: Fate[];
  gone: Fate[];
  unjudged: Fate[];
  added: Added[];
  notes: string[];
  changes: string[];
}

export interface Trial {
  backtest_id: string;
  state: "waiting" | "running" | "done" | "failed" | "interrupted";
  location: string;
  step: string;
  done: number;
  total: number;
  error: string | null;
  result: Result | null;
}

export const SPANS = [1, 7, 30] as const;
const DAY_MS = 86_400_000;
const POLL_MS = 700;

export function over(trial: Trial | undefined): boolean {
  return trial !== undefined && trial.state !== "waiting" && trial.state !== "running";
}

export interface Tried {
  /** Of which version of the document it is. */
  version: number | null;
  trial: Trial | null;
  error: Error | null;
  start: (asked: { document: unknown; version: number; days: number; now: number }) => void;
}

export function useTrial(): Tried {
  const {
    mutate,
    data: taken,
    error: refused,
    variables,
  } = useMutation({
    mutationFn: ({ document, days, now }: Parameters<Tried["start"]>[0]) =>
      ask<Trial>("/v1/backtests", {
        method: "POST",
        body: {
          site_document: document,
          from: new Date(now - days * DAY_MS).toISOString(),
        },
      }),
  });
  const { data, error } = useQuery({
    queryKey: ["backtest", taken?.backtest_id],
    queryFn: ({ signal }) => ask<Trial>(taken?.location ?? "", { signal }),
    enabled: taken !== undefined,
    refetchInterval: (query) => (over(query.state.data) ? false : POLL_MS),
  });
  return {
    version: variables?.version ?? null,
    trial: taken ? (data ?? taken) : null,
    error: (refused ?? error) as Error | null,
    start: mutate,
  };
}
