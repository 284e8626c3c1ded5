/** A form that asks the API, and says what came of it. */
import { type FormEvent, type ReactNode, useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { ApiError } from "@/api/client";
import { useSites } from "@/api/queries";
import { Button } from "@/ui/basics";

/** A refusal as a person reads it: the server's sentence, and the fields that it names. */
export function why(error: unknown, silent: string): string {
  if (!(error instanceof ApiError)) return error instanceof Error ? error.message : String(error);
  if (error.status === 0) return silent;
  const fields = error.problem?.errors ?? [];
  if (!fields.length) return error.message;
  return fields.map((one) => `${one.field.replace(/^body\./, "")} ${one.detail}`).join("; ");
}

interface AskingProps {
  submit: string;
  /** Raises ApiError; the form is emptied where it does not. */
  send: (fields: FormData) => Promise<void>;
  children: ReactNode;
}

export function AskingForm({ submit, send, children }: AskingProps) {
  const { t } = useTranslation();
  const [refusal, setRefusal] = useState("");
  const [busy, setBusy] = useState(false);
  const go = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    setBusy(true);
    setRefusal("");
    try {
      await send(new FormData(form));
      form.reset();
    } catch (error) {
      setRefusal(why(error, t("error.noAnswer")));
    } finally {
      setBusy(false);
    }
  };
  return (
    <form className="settings-form" onSubmit={(event) => void go(event)}>
      {children}
      <p className="refusal" role="alert">
        {refusal}
      </p>
      <Button kind="main" type="submit" disabled={busy}>
        {submit}
      </Button>
    </form>
  );
}

/** Which sites somebody may see: every one, or those that are ticked. */
export function SitesField({ first }: { first: readonly string[] | null }) {
  const { t } = useTranslation("settings");
  const sites = useSites();
  const [every, setEvery] = useState(first === null);
  const name = useId();
  return (
    <fieldset className="field settings-sites">
      <legend>{t("sites")}</legend>
      <label>
        <input
          type="checkbox"
          name="every_site"
          checked={every}
          onChange={(event) => setEvery(event.target.checked)}
        />{" "}
        {t("everySite")}
      </label>
      {every
        ? null
        : sites.map((site) => (
            <label key={site.site_id} htmlFor={`${name}-${site.site_id}`}>
              <input
                id={`${name}-${site.site_id}`}
                type="checkbox"
                name="site"
                value={site.site_id}
                defaultChecked={first?.includes(site.site_id) ?? false}
              />{" "}
              {site.name}
            </label>
          ))}
    </fieldset>
  );
}

/** What was ticked: null for every site. */
export function sitesOf(fields: FormData): string[] | null {
  return fields.get("every_site") === "on" ? null : fields.getAll("site").map(String);
}

export function textOf(fields: FormData, name: string): string {
  const value = fields.get(name);
  return typeof value === "string" ? value : "";
}

/** Something that is told once. */
export function Once({ label, text }: { label: string; text: string }) {
  const { t } = useTranslation("settings");
  return (
    <div className="once" role="status">
      <strong>{label}</strong>
      <code>{text}</code>
      <Button onClick={() => void navigator.clipboard.writeText(text)}>{t("copy")}</Button>
      <small className="quiet">{t("once")}</small>
    </div>
  );
}
