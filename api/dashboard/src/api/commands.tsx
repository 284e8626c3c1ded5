/**
 * What an analyst asks of alerts. It is held back for a moment, so that undoing it leaves no trace:
 * nobody was told, nothing was learnt. Another command, leaving the page and hiding it send what
 * is held at once.
 */
import {
  createContext,
  type ReactNode,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import { useTranslation } from "react-i18next";
import { ApiError, ask } from "@/api/client";
import type { CommandTaken, Resolution } from "@/api/types";
import { useToast } from "@/ui/toasts";

export type Command =
  | { kind: "ack" | "escalate" | "split" | "reopen" }
  | { kind: "assign"; to: string }
  | { kind: "snooze"; for: string }
  | { kind: "resolve"; reason: Resolution; text?: string }
  | { kind: "comment"; text: string }
  | { kind: "merge"; alert_ids: string[] };

export const HOLD_MS = 4_000;
const WAIT = "5s";

interface Held {
  command: Command;
  alertIds: readonly string[];
  key: string;
}

export interface Commands {
  /** Ask it of these alerts; of the first one where it is a merge. */
  give: (alertIds: readonly string[], command: Command) => void;
  /** Take back what is held; false: nothing is. */
  undo: () => boolean;
  /** The alerts with something on its way, and what. */
  pending: ReadonlyMap<string, Command["kind"]>;
}

const Current = createContext<Commands | null>(null);

/** The request that asks it. Pure. */
export function requestOf(
  alertIds: readonly string[],
  command: Command,
): { path: string; body: Record<string, unknown> } {
  const body: Record<string, unknown> = { ...command };
  const [first] = alertIds;
  if (alertIds.length === 1 && first !== undefined) {
    return { path: `/v1/alerts/${encodeURIComponent(first)}/commands`, body };
  }
  return { path: "/v1/alerts/commands", body: { ...body, alert_ids: alertIds } };
}

export function CommandsProvider({ children }: { children: ReactNode }) {
  const { t } = useTranslation();
  const toast = useToast();
  const held = useRef<Held | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const closeToast = useRef<() => void>(() => {});
  const [pending, setPending] = useState<ReadonlyMap<string, Command["kind"]>>(new Map());

  const mark = useCallback((ids: readonly string[], kind: Command["kind"] | null) => {
    setPending((before) => {
      const next = new Map(before);
      for (const id of ids) {
        if (kind) next.set(id, kind);
        else next.delete(id);
      }
      return next;
    });
  }, []);

  const send = useCallback(async () => {
    const one = held.current;
    if (!one) return;
    held.current = null;
    clearTimeout(timer.current);
    closeToast.current();
    const { path, body } = requestOf(one.alertIds, one.command);
    try {
      const taken = await ask<CommandTaken>(path, {
        method: "POST",
        body,
        query: { wait: WAIT },
        // The same key with a second attempt: it is done once.
        idempotencyKey: one.key,
        keepalive: true,
      });
      const refused = taken.outcomes.filter((outcome) => outcome.outcome === "refused");
      for (const { detail } of refused.slice(0, 3)) {
        toast({ kind: "bad", text: t("command.refused", { why: detail ?? "" }) });
      }
      if (!taken.done) toast({ text: t("command.slow") });
    } catch (error) {
      const silent = error instanceof ApiError && error.status === 0;
      const why = silent ? t("error.noAnswer") : error instanceof Error ? error.message : "";
      toast({ kind: "bad", text: t("command.failed", { why }) });
    } finally {
      mark(one.alertIds, null);
    }
  }, [mark, t, toast]);

  const undo = useCallback(() => {
    const one = held.current;
    if (!one) return false;
    held.current = null;
    clearTimeout(timer.current);
    closeToast.current();
    mark(one.alertIds, null);
    toast({ text: t("command.undone") });
    return true;
  }, [mark, t, toast]);

  const give = useCallback(
    (alertIds: readonly string[], command: Command) => {
      if (!alertIds.length) return;
      void send();
      held.current = { command, alertIds, key: crypto.randomUUID() };
      mark(alertIds, command.kind);
      closeToast.current = toast({
        text: t(`command.${command.kind}`, { count: alertIds.length }),
        undo: () => undo(),
        forMs: HOLD_MS,
      });
      timer.current = setTimeout(() => void send(), HOLD_MS);
    },
    [mark, send, t, toast, undo],
  );

  useEffect(() => {
    const leaving = () => {
      if (document.visibilityState === "hidden") void send();
    };
    const gone = () => void send();
    document.addEventListener("visibilitychange", leaving);
    addEventListener("pagehide", gone);
    return () => {
      document.removeEventListener("visibilitychange", leaving);
      removeEventListener("pagehide", gone);
    };
  }, [send]);

  const value = useMemo<Commands>(() => ({ give, undo, pending }), [give, undo, pending]);
  return <Current.Provider value={value}>{children}</Current.Provider>;
}

export function useCommands(): Commands {
  const found = useContext(Current);
  if (!found) throw new Error("no commands here");
  return found;
}
