/** One's own account: password, second factor, sessions, language and zone. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { FactorView, SessionView } from "@/api/accounts";
import { ask } from "@/api/client";
import { ME, useSession } from "@/api/session";
import { LANGUAGES, speak } from "@/i18n";
import { browserZone } from "@/lib/time";
import { AskingForm, Once, textOf, why } from "@/pages/settings/form";
import { Button, ErrorState, Loading, TimeText } from "@/ui/basics";
import { useToast } from "@/ui/toasts";

const LEAST = 12;

export function PasswordForm() {
  const { t } = useTranslation("settings");
  const client = useQueryClient();
  const toast = useToast();
  return (
    <AskingForm
      submit={t("own.change")}
      send={async (fields) => {
        const body = { old: textOf(fields, "old"), new: textOf(fields, "new") };
        await ask<void>("/v1/me/password", { method: "PUT", body });
        toast({ text: t("own.changed") });
        await client.resetQueries({ queryKey: ME });
      }}
    >
      <label className="field">
        <span>{t("own.old")}</span>
        <input
          className="input"
          name="old"
          type="password"
          autoComplete="current-password"
          required
        />
      </label>
      <label className="field">
        <span>{t("own.new")}</span>
        <input
          className="input"
          name="new"
          type="password"
          autoComplete="new-password"
          minLength={LEAST}
          required
        />
        <small>{t("own.least", { count: LEAST })}</small>
      </label>
    </AskingForm>
  );
}

function Factor() {
  const { t } = useTranslation("settings");
  const { me } = useSession();
  const client = useQueryClient();
  const toast = useToast();
  const [made, setMade] = useState<FactorView | null>(null);
  const [codes, setCodes] = useState<readonly string[]>([]);
  const attempt = async (what: () => Promise<void>) => {
    try {
      await what();
    } catch (error) {
      toast({ kind: "bad", text: why(error, t("shell:error.noAnswer")) });
    }
  };
  if (codes.length) return <Once label={t("own.recovery")} text={codes.join("\n")} />;
  if (me.totp) {
    return (
      <>
        <p>{t("own.factorOn")}</p>
        <Button
          kind="danger"
          onClick={() =>
            void attempt(async () => {
              await ask<void>("/v1/me/totp", { method: "DELETE" });
              await client.resetQueries({ queryKey: ME });
            })
          }
        >
          {t("own.factorRemove")}
        </Button>
      </>
    );
  }
  if (!made) {
    return (
      <>
        <p>{t("own.factorOff")}</p>
        <Button
          onClick={() =>
            void attempt(async () =>
              setMade(await ask<FactorView>("/v1/me/totp", { method: "POST" })),
            )
          }
        >
          {t("own.factorBegin")}
        </Button>
      </>
    );
  }
  return (
    <AskingForm
      submit={t("own.factorConfirm")}
      send={async (fields) => {
        const answer = await ask<{ recovery_codes: string[] }>("/v1/me/totp", {
          method: "PUT",
          body: { code: textOf(fields, "code") },
        });
        setCodes(answer.recovery_codes);
      }}
    >
      <p>{t("own.factorScan")}</p>
      <QrCode svg={made.qr_svg} />
      <p>
        {t("own.secret")} <code>{made.secret}</code>
      </p>
      <label className="field">
        <span>{t("own.code")}</span>
        <input
          className="input"
          name="code"
          inputMode="numeric"
          autoComplete="one-time-code"
          pattern="[0-9]{6}"
          required
        />
      </label>
    </AskingForm>
  );
}

/** The server's picture, as a picture: an SVG in an image runs nothing and loads nothing. */
function QrCode({ svg }: { svg: string }) {
  const { t } = useTranslation("settings");
  const [url, setUrl] = useState<string | null>(null);
  const [made, setMade] = useState<string | null>(null);
  if (made !== svg) {
    setMade(svg);
    if (url) URL.revokeObjectURL(url);
    setUrl(URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" })));
  }
  return url ? <img className="qr" src={url} alt={t("own.qr")} /> : null;
}

export function SessionList({ path, mayEnd = true }: { path: string; mayEnd?: boolean }) {
  const { t } = useTranslation("settings");
  const client = useQueryClient();
  const toast = useToast();
  const key = ["sessions", path];
  const { data, error, refetch } = useQuery({
    queryKey: key,
    queryFn: ({ signal }) => ask<SessionView[]>(path, { signal }),
  });
  if (error) return <ErrorState error={error} again={() => void refetch()} />;
  if (!data) return <Loading />;
  const end = async (session: SessionView) => {
    try {
      await ask<void>(`${path}/${encodeURIComponent(session.session_id)}`, { method: "DELETE" });
      await client.invalidateQueries({ queryKey: key });
    } catch (failed) {
      toast({ kind: "bad", text: why(failed, t("shell:error.noAnswer")) });
    }
  };
  return (
    <ul className="settings-list">
      {data.map((one) => (
        <li key={one.session_id}>
          <span>
            <b>{one.agent || t("session.unknown")}</b>{" "}
            {one.current ? <span className="tag">{t("session.current")}</span> : null}
            <br />
            <span className="quiet">
              {one.address} · {t("session.used")} <TimeText at={one.used_at} site={null} />
            </span>
          </span>
          {mayEnd ? <Button onClick={() => void end(one)}>{t("session.end")}</Button> : null}
        </li>
      ))}
    </ul>
  );
}

function Profile() {
  const { t } = useTranslation("settings");
  const { me } = useSession();
  const client = useQueryClient();
  const toast = useToast();
  return (
    <AskingForm
      submit={t("save")}
      send={async (fields) => {
        const language = textOf(fields, "language");
        const body = {
          name: textOf(fields, "name"),
          language,
          timezone: textOf(fields, "timezone") || null,
        };
        await ask<unknown>("/v1/me", { method: "PATCH", body });
        await speak(language);
        await client.invalidateQueries({ queryKey: ME });
        toast({ text: t("saved") });
      }}
    >
      <label className="field">
        <span>{t("name")}</span>
        <input className="input" name="name" defaultValue={me.name} maxLength={100} required />
      </label>
      <label className="field">
        <span>{t("shell:language")}</span>
        <select className="input" name="language" defaultValue={me.language ?? "en"}>
          {LANGUAGES.map((one) => (
            <option key={one} value={one}>
              {t(`shell:languages.${one}`, { defaultValue: one })}
            </option>
          ))}
        </select>
      </label>
      <label className="field">
        <span>{t("timezone")}</span>
        <select className="input" name="timezone" defaultValue={me.timezone ?? ""}>
          <option value="">{t("own.browserZone", { zone: browserZone() })}</option>
          {[...new Set(["UTC", ...Intl.supportedValuesOf("timeZone")])].map((zone) => (
            <option key={zone}>{zone}</option>
          ))}
        </select>
      </label>
    </AskingForm>
  );
}

export function Own() {
  const { t } = useTranslation("settings");
  return (
    <>
      <section className="panel">
        <h2>{t("own.title")}</h2>
        <Profile />
      </section>
      <section className="panel">
        <h2>{t("own.password")}</h2>
        <PasswordForm />
      </section>
      <section className="panel">
        <h2>{t("own.factor")}</h2>
        <Factor />
      </section>
      <section className="panel">
        <h2>{t("session.own")}</h2>
        <SessionList path="/v1/me/sessions" />
      </section>
    </>
  );
}
