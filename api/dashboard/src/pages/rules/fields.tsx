/** Fields with the server's words about what is wrong in them. */
import { type ReactNode, useId, useState } from "react";
import { useTranslation } from "react-i18next";
import type { DocumentProblem } from "./document";
import { same } from "./document";

export function Problems({ of, id }: { of: readonly DocumentProblem[]; id?: string }) {
  if (!of.length) return null;
  return (
    <ul className="refusal" id={id}>
      {of.map((one) => (
        <li key={`${one.path.join("/")} ${one.line} ${one.message}`}>{one.message}</li>
      ))}
    </ul>
  );
}

interface Named {
  id: string;
  "aria-invalid": boolean;
  "aria-describedby": string | undefined;
}

interface FieldProps {
  label: string;
  hint?: string | undefined;
  problems: readonly DocumentProblem[];
  children: (named: Named) => ReactNode;
}

export function Field({ label, hint, problems, children }: FieldProps) {
  const id = useId();
  const about = `${id}-about`;
  return (
    <div className="field">
      <label htmlFor={id} className="quiet">
        {label}
      </label>
      {children({
        id,
        "aria-invalid": problems.length > 0,
        "aria-describedby": problems.length || hint ? about : undefined,
      })}
      <span id={about}>
        {hint ? <small>{hint}</small> : null}
        <Problems of={problems} />
      </span>
    </div>
  );
}

interface NumberProps {
  label: string;
  value: number;
  max: number;
  step?: number;
  problems: readonly DocumentProblem[];
  change: (value: number) => void;
}

export function NumberField({ label, value, max, step = 1, problems, change }: NumberProps) {
  // What is being typed is not a number all the time.
  const [typed, setTyped] = useState<string | null>(null);
  return (
    <Field label={label} problems={problems}>
      {(named) => (
        <input
          {...named}
          className="input"
          type="number"
          min={0}
          max={max}
          step={step}
          value={typed ?? value}
          onChange={(event) => {
            setTyped(event.target.value);
            const found = event.target.valueAsNumber;
            if (Number.isFinite(found)) change(found);
          }}
          onBlur={() => setTyped(null)}
        />
      )}
    </Field>
  );
}

interface WordsProps {
  label: string;
  hint?: string;
  /** How entries are told apart as they are typed. */
  between?: "," | "\n";
  value: readonly string[];
  problems: readonly DocumentProblem[];
  change: (value: string[]) => void;
}

export function WordsField({ label, hint, between = ",", value, problems, change }: WordsProps) {
  const [typed, setTyped] = useState<string | null>(null);
  const words = (text: string) =>
    text
      .split(between)
      .map((one) => one.trim())
      .filter(Boolean);
  const shown = value.join(between === "," ? ", " : "\n");
  // Typed words stay as they are typed while they say what the document says.
  const text = typed !== null && same(words(typed), value) ? typed : shown;
  const take = (given: string) => {
    setTyped(given);
    change(words(given));
  };
  return (
    <Field label={label} hint={hint} problems={problems}>
      {(named) =>
        between === "," ? (
          <input
            {...named}
            className="input"
            value={text}
            onChange={(event) => take(event.target.value)}
          />
        ) : (
          <textarea
            {...named}
            className="input"
            rows={Math.min(8, value.length + 1)}
            spellCheck={false}
            value={text}
            onChange={(event) => take(event.target.value)}
          />
        )
      }
    </Field>
  );
}

type MatchersProps = Omit<WordsProps, "label" | "between"> & { label?: string };

/** Matchers, one a line. */
export function MatchersField({ label, hint, ...rest }: MatchersProps) {
  const { t } = useTranslation("rules");
  return (
    <WordsField
      label={label ?? t("route.matchers")}
      hint={hint ?? t("route.matchersHint")}
      between={"\n"}
      {...rest}
    />
  );
}

/** Names to choose from, each once. */
export function Options({ of }: { of: readonly string[] }) {
  return [...new Set(of)].map((one) => (
    <option key={one} value={one}>
      {one}
    </option>
  ));
}
