/** What a zone watches for, when, and who hears of it. */
import { useId } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/ui/basics";
import {
  DEFAULTS,
  type DocumentProblem,
  SEVERITIES,
  under,
  withField,
  type Zone,
} from "./document";
import { Field, NumberField, Problems, WordsField } from "./fields";
import { WeekGrid } from "./week-grid";

interface Props {
  zone: Zone;
  camera: string;
  cameras: { id: string; name: string }[];
  /** null: who there is cannot be asked. */
  receivers: string[] | null;
  timezone: string;
  problems: DocumentProblem[];
  readOnly: boolean;
  change: (zone: Zone) => void;
  draw: () => void;
  wholePicture: () => void;
  remove: () => void;
}

const WORK = [{ days: ["mon", "tue", "wed", "thu", "fri"], start: "18:00", end: "06:00" }];

export function ZoneForm(props: Props) {
  const { t } = useTranslation("rules");
  const { zone, problems, readOnly } = props;
  const name = useId();
  const set = <K extends keyof Zone>(field: K, value: Zone[K] | undefined) =>
    props.change(withField(zone, field, value));
  const of = (field: string) => problems.filter((one) => one.path[4] === field);
  const windows = zone.active_schedule?.windows ?? [];
  const shape = zone.polygons?.[props.camera];
  const setWindows = (found: typeof windows) => {
    const { windows: _, ...rest } = zone.active_schedule ?? {};
    const schedule = found.length ? { ...rest, windows: found } : rest;
    set("active_schedule", Object.keys(schedule).length ? schedule : undefined);
  };
  return (
    <form
      className="panel rules-form"
      aria-label={t("zone.form", { zone: zone.zone_id })}
      onSubmit={(event) => event.preventDefault()}
    >
      <div className="rules-row">
        <h2>{zone.zone_id}</h2>
        <span className="quiet">
          {shape ? t("zone.points", { count: shape.length }) : t("zone.whole")}
        </span>
      </div>
      <fieldset disabled={readOnly}>
        <legend className="hidden-text">{t("zone.shape")}</legend>
        <div className="rules-row">
          <Button onClick={props.draw}>{t("zone.draw")}</Button>
          <Button onClick={props.wholePicture} disabled={!shape}>
            {t("zone.useWhole")}
          </Button>
          <Button kind="danger" onClick={props.remove}>
            {t("zone.remove")}
          </Button>
        </div>
        <Problems of={of("polygons")} />
        <Problems of={under(problems).filter((one) => one.path.length <= 4)} />
      </fieldset>
      <fieldset disabled={readOnly} className="rules-fields">
        <legend>{t("zone.what")}</legend>
        <WordsField
          label={t("zone.labels")}
          hint={t("zone.labelsHint")}
          value={zone.labels ?? []}
          problems={of("labels")}
          change={(labels) => set("labels", labels)}
        />
        <NumberField
          label={t("zone.confidence")}
          value={zone.min_confidence ?? DEFAULTS.min_confidence}
          step={0.05}
          max={1}
          problems={of("min_confidence")}
          change={(value) => set("min_confidence", value)}
        />
        <NumberField
          label={t("zone.dwell")}
          value={zone.dwell_sec ?? 0}
          max={86_400}
          problems={of("dwell_sec")}
          change={(value) => set("dwell_sec", value)}
        />
        <NumberField
          label={t("zone.dedupe")}
          value={zone.dedupe_window_sec ?? 0}
          max={86_400}
          problems={of("dedupe_window_sec")}
          change={(value) => set("dedupe_window_sec", value)}
        />
        <NumberField
          label={t("zone.suppression")}
          value={zone.suppression_window_sec ?? 0}
          max={86_400}
          problems={of("suppression_window_sec")}
          change={(value) => set("suppression_window_sec", value)}
        />
        <Field label={t("zone.severity")} problems={of("severity")}>
          {(id) => (
            <select
              {...id}
              className="input"
              value={zone.severity ?? DEFAULTS.severity}
              onChange={(event) => set("severity", event.target.value)}
            >
              {SEVERITIES.map((one) => (
                <option key={one} value={one}>
                  {t(`shell:severity.${one}`)}
                </option>
              ))}
            </select>
          )}
        </Field>
      </fieldset>
      <Choices
        legend={t("zone.destinations")}
        hint={props.receivers?.length ? t("zone.destinationsHint") : t("zone.noReceivers")}
        options={[...new Set([...(props.receivers ?? []), ...(zone.alert_destinations ?? [])])].map(
          (one) => ({ id: one, name: one }),
        )}
        value={zone.alert_destinations ?? []}
        readOnly={readOnly}
        problems={of("alert_destinations")}
        change={(value) => set("alert_destinations", value)}
      />
      <Choices
        legend={t("zone.cameras")}
        options={props.cameras}
        value={zone.camera_ids}
        readOnly={readOnly}
        problems={of("camera_ids")}
        change={(value) => {
          // A shape of a camera that the zone leaves goes with it.
          const polygons = Object.entries(zone.polygons ?? {}).filter(([id]) => value.includes(id));
          const kept = polygons.length ? Object.fromEntries(polygons) : undefined;
          props.change({ ...withField(zone, "polygons", kept), camera_ids: value });
        }}
      />
      <fieldset disabled={readOnly}>
        <legend className="hidden-text">{t("zone.procedure")}</legend>
        <WordsField
          label={t("zone.procedure")}
          hint={t("zone.procedureHint")}
          between={"\n"}
          value={zone.procedure ?? []}
          problems={of("procedure")}
          change={(steps) => set("procedure", steps)}
        />
      </fieldset>
      <fieldset disabled={readOnly}>
        <legend>{t("zone.when")}</legend>
        <div className="rules-row">
          <label>
            <input
              type="radio"
              name={name}
              checked={windows.length === 0}
              onChange={() => setWindows([])}
            />{" "}
            {t("zone.always")}
          </label>
          <label>
            <input
              type="radio"
              name={name}
              checked={windows.length > 0}
              onChange={() => setWindows(WORK)}
            />{" "}
            {t("zone.windows", { zone: zone.active_schedule?.timezone ?? props.timezone })}
          </label>
        </div>
        {windows.length ? (
          <WeekGrid value={windows} readOnly={readOnly} change={setWindows} />
        ) : null}
        <Problems of={of("active_schedule")} />
      </fieldset>
    </form>
  );
}

interface ChoicesProps {
  legend: string;
  hint?: string;
  options: { id: string; name: string }[];
  value: string[];
  readOnly: boolean;
  problems: DocumentProblem[];
  change: (value: string[]) => void;
}

function Choices({ legend, hint, options, value, readOnly, problems, change }: ChoicesProps) {
  return (
    <fieldset disabled={readOnly}>
      <legend>{legend}</legend>
      <div className="rules-row">
        {options.map((one) => (
          <label key={one.id}>
            <input
              type="checkbox"
              checked={value.includes(one.id)}
              onChange={(event) =>
                change(
                  event.target.checked
                    ? [...value, one.id]
                    : value.filter((other) => other !== one.id),
                )
              }
            />{" "}
            {one.name}
          </label>
        ))}
      </div>
      {hint ? <small className="quiet">{hint}</small> : null}
      <Problems of={problems} />
    </fieldset>
  );
}
