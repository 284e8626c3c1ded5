/** One node of the route tree. */
import { useTranslation } from "react-i18next";
import { type DocumentProblem, type Route, withOptional } from "./document";
import { Field, MatchersField, Options, Problems, WordsField } from "./fields";

interface Props {
  route: Route;
  /** Whom the node above it tells. */
  inherited: string | null;
  root: boolean;
  receivers: string[];
  problems: DocumentProblem[];
  readOnly: boolean;
  change: (route: Route) => void;
}

const TIMES = ["group_wait", "group_interval", "repeat_interval", "resolve_after"] as const;

export function RouteForm({
  route,
  inherited,
  root,
  receivers,
  problems,
  readOnly,
  change,
}: Props) {
  const { t } = useTranslation("rules");
  const set = (field: string, value: unknown) => change(withOptional(route, field, value));
  const of = (field: string) => problems.filter((one) => one.path.includes(field));
  const named = new Set(["receiver", "matchers", "group_by", ...TIMES]);
  const rest = problems.filter((one) => !one.path.some((part) => named.has(String(part))));
  return (
    <form
      className="panel rules-form"
      aria-label={t("route.form")}
      onSubmit={(event) => event.preventDefault()}
    >
      <h2>{root ? t("routes.root") : t("route.title")}</h2>
      <Problems of={rest} />
      <fieldset disabled={readOnly} className="rules-fields">
        <legend className="hidden-text">{t("route.title")}</legend>
        <Field label={t("route.receiver")} problems={of("receiver")}>
          {(id) => (
            <select
              {...id}
              className="input"
              value={route.receiver ?? ""}
              onChange={(event) => set("receiver", event.target.value)}
            >
              <option value="">
                {inherited ? t("route.inherits", { name: inherited }) : t("routes.nobody")}
              </option>
              <Options of={[...receivers, ...(route.receiver ? [route.receiver] : [])]} />
            </select>
          )}
        </Field>
        <MatchersField
          value={route.matchers ?? []}
          problems={of("matchers")}
          change={(value) => set("matchers", value)}
        />
        <WordsField
          label={t("route.groupBy")}
          hint={t("route.groupByHint")}
          value={route.group_by ?? []}
          problems={of("group_by")}
          change={(value) => set("group_by", value)}
        />
        {TIMES.map((field) => (
          <Field key={field} label={t(`route.${field}`)} problems={of(field)}>
            {(id) => (
              <input
                {...id}
                className="input"
                placeholder={t("route.asAbove")}
                value={String(route[field] ?? "")}
                onChange={(event) => set(field, event.target.value.trim())}
              />
            )}
          </Field>
        ))}
        <label>
          <input
            type="checkbox"
            checked={route.continue ?? false}
            onChange={(event) => set("continue", event.target.checked)}
          />{" "}
          {t("route.continue")}
        </label>
      </fieldset>
    </form>
  );
}
