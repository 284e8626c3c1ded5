/** The queue: ranked, live, worked by keyboard. */
import { useVirtualizer } from "@tanstack/react-virtual";
import { useCallback, useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";
import { useActions } from "@/alerts/actions";
import { useCommands } from "@/api/commands";
import type { AlertView } from "@/api/types";
import { Cameras } from "@/pages/queue/cameras";
import { Detail } from "@/pages/queue/detail";
import { EVERYTHING, type Filter, select } from "@/pages/queue/filter";
import { Filters } from "@/pages/queue/filters";
import { ROW_PX, Row } from "@/pages/queue/row";
import { keep, move, targets } from "@/pages/queue/select";
import { useNow, useQueue, useStream } from "@/stream/context";
import { Button, EmptyState, Page } from "@/ui/basics";
import { useKeys } from "@/ui/keys";
import "@/alerts/alerts.css";
import "@/pages/queue/queue.css";

const PAGE_STEP = 10;
const OVERSCAN = 4;

function Empty({ filtered }: { filtered: boolean }) {
  const { t } = useTranslation("queue");
  const well = useStream((state) => state.connection === "live" && state.pipeline?.state === "ok");
  if (filtered) return <EmptyState title={t("noMatch")} />;
  return <EmptyState title={t(well ? "empty" : "emptyUnwell")} />;
}

interface ListProps {
  alerts: readonly AlertView[];
  led: ReadonlyMap<string, number>;
  picked: string | null;
  marked: ReadonlySet<string>;
  now: number;
  pick: (id: string) => void;
  mark: (id: string) => void;
  open: (id: string) => void;
}

function List({ alerts, led, picked, marked, now, pick, mark, open }: ListProps) {
  const { t } = useTranslation("queue");
  const { pending } = useCommands();
  const scroller = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: alerts.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    overscan: OVERSCAN,
    // A scroll is drawn with the next frame, not within the scroll itself.
    useFlushSync: false,
    getItemKey: (index) => alerts[index]?.alert_id ?? index,
  });
  const shown = rows.getVirtualItems();
  const at = picked === null ? -1 : alerts.findIndex((one) => one.alert_id === picked);
  // Only moving scrolls: a queue that changes by itself leaves the eye where it is.
  const before = useRef<string | null>(null);
  useEffect(() => {
    if (picked !== before.current && at >= 0) rows.scrollToIndex(at, { align: "auto" });
    before.current = picked;
  }, [picked, at, rows]);
  const there = shown.some((item) => item.index === at);
  return (
    <div
      ref={scroller}
      className="queue-list live"
      role="grid"
      aria-label={t("nav")}
      aria-rowcount={alerts.length}
      aria-multiselectable="true"
      aria-activedescendant={there ? `row-${picked}` : undefined}
      tabIndex={0}
      id="queue"
    >
      <div role="rowgroup" style={{ height: rows.getTotalSize(), position: "relative" }}>
        {shown.map((item) => {
          const alert = alerts[item.index];
          if (!alert) return null;
          return (
            <Row
              key={item.key}
              alert={alert}
              index={item.index}
              top={item.start}
              picked={alert.alert_id === picked}
              marked={marked.has(alert.alert_id)}
              pending={pending.get(alert.alert_id)}
              led={led.get(alert.alert_id) ?? 0}
              now={now}
              t={t}
              pick={pick}
              mark={mark}
              open={open}
            />
          );
        })}
      </div>
    </div>
  );
}

export default function QueuePage() {
  const { t } = useTranslation("queue");
  const navigate = useNavigate();
  const queue = useQueue();
  const now = useNow(1000);
  const [filter, setFilter] = useState<Filter>(EVERYTHING);
  const [wanted, setWanted] = useState<string | null>(null);
  const [marked, setMarked] = useState<ReadonlySet<string>>(new Set());
  const search = useRef<HTMLInputElement>(null);
  const place = useRef(0);

  // What is snoozed comes back by the minute; a search may lag a frame behind the typing.
  const minute = Math.floor(now / 10_000) * 10_000;
  const slow = useDeferredValue(filter);
  const { alerts, led } = useMemo(() => select(queue, slow, minute), [queue, slow, minute]);
  const ids = useMemo(() => alerts.map((one) => one.alert_id), [alerts]);
  const picked = keep(ids, wanted, place.current);
  useEffect(() => {
    if (picked !== null) place.current = ids.indexOf(picked);
    if (picked !== wanted) setWanted(picked);
  }, [ids, picked, wanted]);

  const chosen = targets(ids, marked, picked)
    .map((id) => queue.alerts.get(id))
    .filter((one) => one !== undefined);
  const current = picked ? (queue.alerts.get(picked) ?? null) : null;
  const several = chosen.length > 1 || (chosen.length === 1 && chosen[0] !== current);
  const actions = useActions({
    targets: chosen,
    lead: current,
    done: () => setMarked(new Set()),
  });

  const mark = useCallback((id: string) => {
    setMarked((before) => {
      const next = new Set(before);
      if (!next.delete(id)) next.add(id);
      return next;
    });
  }, []);
  const open = useCallback(
    (id: string) => void navigate(`/alerts/${encodeURIComponent(id)}`),
    [navigate],
  );
  const step = (steps: number) => () => setWanted(move(ids, picked, steps));
  useKeys({
    ...actions.keys,
    j: step(1),
    ArrowDown: step(1),
    k: step(-1),
    ArrowUp: step(-1),
    PageDown: step(PAGE_STEP),
    PageUp: step(-PAGE_STEP),
    Home: step(-ids.length),
    End: step(ids.length),
    x: () => picked && mark(picked),
    Enter: () => picked && open(picked),
    "/": () => search.current?.focus(),
    Escape: () => {
      if (document.activeElement === search.current) search.current?.blur();
      else setMarked(new Set());
    },
  });

  const total = queue.order.length;
  return (
    <Page
      full
      title={t("nav")}
      actions={
        <>
          <span className="quiet number" role="status" id="count">
            {alerts.length === total
              ? t("count", { count: total })
              : t("countOf", { count: alerts.length, total })}
            {queue.complete ? null : ` ${t("more")}`}
          </span>
          <Filters filter={filter} change={setFilter} search={search} />
          <div className="spring" />
          <Cameras />
        </>
      }
    >
      <div className="queue-body">
        <div className="queue-main">
          {several ? (
            <div className="queue-marked" role="status">
              {t("marked", { count: chosen.length })}
              <Button kind="bare" onClick={() => setMarked(new Set())}>
                {t("unmark")}
              </Button>
            </div>
          ) : null}
          {alerts.length ? (
            <List
              alerts={alerts}
              led={led}
              picked={picked}
              marked={marked}
              now={now}
              pick={setWanted}
              mark={mark}
              open={open}
            />
          ) : (
            <Empty filtered={total > 0} />
          )}
        </div>
        {current ? (
          <Detail alert={current} actions={actions} />
        ) : (
          <section className="queue-detail" aria-label={t("detail")}>
            <EmptyState title={t("pick")}>
              <span>
                <kbd>j</kbd> <kbd>k</kbd> {t("pickHint")} <kbd>?</kbd>
              </span>
            </EmptyState>
          </section>
        )}
      </div>
      {actions.dialog}
    </Page>
  );
}
