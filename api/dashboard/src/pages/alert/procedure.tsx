/** What is to be done at this alert, as a checklist that everybody who looks at it shares. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ApiError, ask } from "@/api/client";
import { useSession } from "@/api/session";
import type { AlertView, CommandTaken, ProcedureView } from "@/api/types";
import { type Asked, checklist, type Line, progress } from "@/pages/alert/steps";
import { useNews } from "@/stream/context";
import { ErrorState, TimeText } from "@/ui/basics";
import { useToast } from "@/ui/toasts";

const WAIT = "5s";
/** The document may change while the page is open; what was done comes by the stream. */
const AGAIN_MS = 60_000;
const NONE: ReadonlyMap<string, Asked> = new Map();

export function Procedure({ alert }: { alert: AlertView }) {
  const { t } = useTranslation("alert");
  const { may } = useSession();
  const client = useQueryClient();
  const { asked, tell } = useSteps(alert);
  const path = `/v1/alerts/${encodeURIComponent(alert.alert_id)}/procedure`;
  const key = ["procedure", alert.alert_id];
  const { data, error, refetch } = useQuery({
    queryKey: key,
    queryFn: ({ signal }) => ask<ProcedureView>(path, { signal }),
    refetchInterval: AGAIN_MS,
  });
  useNews(({ activity }) => {
    // Whom it leads is whose steps it has.
    const turned = activity.some(
      (one) => one.alert_id === alert.alert_id && (one.kind === "merged" || one.kind === "split"),
    );
    if (turned) void client.invalidateQueries({ queryKey: key });
  });
  if (!data) {
    return error ? (
      <section className="panel" aria-label={t("procedure.title")}>
        <ErrorState error={error} again={() => void refetch()} />
      </section>
    ) : null;
  }
  if (!data.zones.length) return null;
  const zones = checklist(data.zones, alert, asked);
  const { done, count, last } = progress(zones);
  const able = may("alerts:act") && alert.state !== "resolved";
  return (
    <section className="panel procedure" aria-label={t("procedure.title")}>
      <h2>{t("procedure.title")}</h2>
      <p role="status" className="quiet">
        {t("procedure.done", { done, count })} {last ? t("procedure.last", last) : null}
      </p>
      {zones.map(({ zone_id, lines }) => (
        <fieldset key={zone_id ?? ""} disabled={!able}>
          <legend>{zone_id ?? t("procedure.devices")}</legend>
          <ol>
            {lines.map((line) => (
              <Step key={line.step_id} line={line} site={alert.site_id} tell={tell} />
            ))}
          </ol>
        </fieldset>
      ))}
    </section>
  );
}

interface StepProps {
  line: Line;
  site: string;
  tell: (step: string, done: boolean) => void;
}

function Step({ line, site, tell }: StepProps) {
  const about = `done-${line.step_id}`;
  return (
    <li aria-busy={line.waiting}>
      <label>
        <input
          type="checkbox"
          checked={line.checked}
          aria-describedby={line.done ? about : undefined}
          // A disabled box would lose the focus.
          onChange={(event) => {
            if (!line.waiting) tell(line.step_id, event.target.checked);
          }}
        />
        <span>{line.text}</span>
      </label>
      {line.done ? (
        <small id={about} className="quiet">
          {line.done.by} · <TimeText at={line.done.at} site={site} />
        </small>
      ) : null}
    </li>
  );
}

/** What was asked of steps here. It is asked at once: a second click takes it back. */
function useSteps(alert: AlertView) {
  const { t } = useTranslation();
  const toast = useToast();
  const client = useQueryClient();
  const [asked, setAsked] = useState(NONE);
  const note = (step: string, one: Asked | null) =>
    setAsked((before) => {
      const next = new Map(before);
      if (one) next.set(step, one);
      else next.delete(step);
      return next;
    });
  const tell = async (step: string, done: boolean) => {
    const since = alert.revision;
    note(step, { done, after: null });
    try {
      const path = `/v1/alerts/${encodeURIComponent(alert.alert_id)}/commands`;
      const taken = await ask<CommandTaken>(path, {
        method: "POST",
        body: { kind: "step", step, done },
        query: { wait: WAIT },
        idempotencyKey: crypto.randomUUID(),
        keepalive: true,
      });
      const refused = taken.outcomes.find((one) => one.outcome === "refused");
      if (refused) {
        toast({ kind: "bad", text: t("command.refused", { why: refused.detail ?? "" }) });
      } else if (!taken.done) {
        toast({ text: t("command.slow") });
      }
      note(step, taken.done && !refused ? { done, after: since } : null);
      // Where the stream does not speak of this alert, it is read again.
      void client.invalidateQueries({ queryKey: ["alert", alert.alert_id] });
    } catch (error) {
      const silent = error instanceof ApiError && error.status === 0;
      const why = silent ? t("error.noAnswer") : error instanceof Error ? error.message : "";
      toast({ kind: "bad", text: t("command.failed", { why }) });
      note(step, null);
    }
  };
  return { asked, tell: (step: string, done: boolean) => void tell(step, done) };
}
