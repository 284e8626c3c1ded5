/** The forms of what stands beside the route tree. */
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { fromField, toField } from "@/lib/time";
import { Button, useClock } from "@/ui/basics";
import {
  type Escalation,
  type Inhibition,
  isoOf,
  LENGTHS_H,
  lasting,
  lasts,
  type Silence,
} from "./beside";
import { type DocumentProblem, withOptional } from "./document";
import { Field, MatchersField, Options, Problems, WordsField } from "./fields";

interface FormProps<T> {
  label: string;
  entry: T;
  problems: readonly DocumentProblem[];
  change: (entry: T) => void;
}

/** What the forms show the problems of themselves. */
export const FIELDS: ReadonlySet<unknown> = new Set([
  "matchers",
  "starts_at",
  "ends_at",
  "comment",
  "source",
  "target",
  "equal",
  "steps",
]);

function byField(problems: readonly DocumentProblem[]) {
  return (field: string) => problems.filter((one) => one.path.includes(field));
}

export function SilenceForm({ label, entry, problems, change }: FormProps<Silence>) {
  const { t } = useTranslation("rules");
  const of = byField(problems);
  return (
    <fieldset className="rules-entry">
      <legend className="hidden-text">{label}</legend>
      <MatchersField
        value={entry.matchers}
        problems={of("matchers")}
        change={(matchers) => change({ ...entry, matchers })}
      />
      <div className="rules-row">
        <MomentField
          label={t("silence.from")}
          at={entry.starts_at}
          problems={of("starts_at")}
          change={(starts_at) => change({ ...entry, starts_at })}
        />
        <MomentField
          label={t("silence.to")}
          at={entry.ends_at}
          problems={of("ends_at")}
          change={(ends_at) => change({ ...entry, ends_at })}
        />
      </div>
      <fieldset className="rules-row rules-bare" aria-label={t("silence.length")}>
        {LENGTHS_H.map((hours) => (
          <Button
            key={hours}
            aria-pressed={lasts(entry, hours)}
            onClick={() => change(lasting(entry, hours))}
          >
            {t(`silence.h${hours}`)}
          </Button>
        ))}
      </fieldset>
      <Field label={t("silence.comment")} problems={of("comment")}>
        {(named) => (
          <input
            {...named}
            className="input"
            value={entry.comment ?? ""}
            onChange={(event) => change(withOptional(entry, "comment", event.target.value))}
          />
        )}
      </Field>
    </fieldset>
  );
}

export function InhibitionForm({ label, entry, problems, change }: FormProps<Inhibition>) {
  const { t } = useTranslation("rules");
  const of = byField(problems);
  return (
    <fieldset className="rules-entry">
      <legend className="hidden-text">{label}</legend>
      <MatchersField
        label={t("inhibition.source")}
        value={entry.source}
        problems={of("source")}
        change={(source) => change({ ...entry, source })}
      />
      <MatchersField
        label={t("inhibition.target")}
        value={entry.target}
        problems={of("target")}
        change={(target) => change({ ...entry, target })}
      />
      <WordsField
        label={t("inhibition.equal")}
        hint={t("inhibition.equalHint")}
        value={entry.equal ?? []}
        problems={of("equal")}
        change={(labels) => change(withOptional(entry, "equal", labels))}
      />
    </fieldset>
  );
}

interface EscalationProps extends FormProps<Escalation> {
  receivers: readonly string[];
}

export function EscalationForm(props: EscalationProps) {
  const { label, entry, problems, receivers, change } = props;
  const { t } = useTranslation("rules");
  const of = byField(problems);
  const put = (steps: Escalation["steps"]) => change({ ...entry, steps });
  // Where a problem is: ["escalations", 0, "steps", 1, "after"].
  const ofStep = (index: number, field: string) =>
    of("steps").filter((one) => one.path[3] === index && one.path[4] === field);
  const general = of("steps").filter((one) => one.path.length < 5);
  return (
    <fieldset className="rules-entry">
      <legend className="hidden-text">{label}</legend>
      <MatchersField
        hint={t("escalation.matchersHint")}
        value={entry.matchers ?? []}
        problems={of("matchers")}
        change={(matchers) => change(withOptional(entry, "matchers", matchers))}
      />
      <ol className="rules-steps">
        {entry.steps.map((step, index) => {
          const set = (made: Partial<typeof step>) =>
            put(entry.steps.map((one, at) => (at === index ? { ...one, ...made } : one)));
          return (
            <li key={index} className="rules-row">
              <Field label={t("escalation.after")} problems={ofStep(index, "after")}>
                {(named) => (
                  <input
                    {...named}
                    className="input rules-short"
                    value={step.after}
                    onChange={(event) => set({ after: event.target.value.trim() })}
                  />
                )}
              </Field>
              <Field label={t("escalation.receiver")} problems={ofStep(index, "receiver")}>
                {(named) => (
                  <select
                    {...named}
                    className="input"
                    value={step.receiver}
                    onChange={(event) => set({ receiver: event.target.value })}
                  >
                    <Options of={[...receivers, step.receiver]} />
                  </select>
                )}
              </Field>
              <Button
                aria-label={t("escalation.removeStep", { number: index + 1 })}
                onClick={() => put(entry.steps.filter((_, at) => at !== index))}
              >
                ×
              </Button>
            </li>
          );
        })}
      </ol>
      <Problems of={general} />
      <div>
        <Button
          disabled={!receivers.length}
          onClick={() => put([...entry.steps, { after: "15m", receiver: receivers[0] ?? "" }])}
        >
          {t("escalation.addStep")}
        </Button>
      </div>
    </fieldset>
  );
}

interface MomentProps {
  label: string;
  at: string;
  problems: readonly DocumentProblem[];
  change: (at: string) => void;
}

/** A moment by the analyst's clock: the routing is no one site's. */
function MomentField({ label, at, problems, change }: MomentProps) {
  const { zone } = useClock();
  // What is half typed is no moment.
  const [typed, setTyped] = useState<string | null>(null);
  const ms = Date.parse(at);
  return (
    <Field label={`${label}, ${zone}`} problems={problems}>
      {(named) => (
        <input
          {...named}
          className="input"
          type="datetime-local"
          value={typed ?? (Number.isNaN(ms) ? "" : toField(ms, zone))}
          onChange={(event) => {
            setTyped(event.target.value);
            const found = fromField(event.target.value, zone);
            if (found !== null) change(isoOf(found));
          }}
          onBlur={() => setTyped(null)}
        />
      )}
    </Field>
  );
}
