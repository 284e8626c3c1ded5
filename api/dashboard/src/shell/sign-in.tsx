/** Sign in with a password, and a one-time code where the account wants one. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { ApiError, ask } from "@/api/client";
import { ME } from "@/api/session";
import { span } from "@/lib/time";
import { Button } from "@/ui/basics";

interface Methods {
  password: boolean;
  oidc: string | null;
}

export function SignIn() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [otp, setOtp] = useState(false);
  const [refusal, setRefusal] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const { data: methods } = useQuery({
    queryKey: ["methods"],
    queryFn: () => ask<Methods>("/v1/auth/methods", { once: true }),
  });
  useEffect(() => {
    document.title = `${t("signIn.title")} · Watchfloor`;
  }, [t]);

  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    const form: Record<string, string> = { grant_type: "password", cookies: "true" };
    for (const name of ["username", "password", "otp"]) {
      const value = fields.get(name);
      if (typeof value === "string" && value) form[name] = value;
    }
    setBusy(true);
    setRefusal(null);
    try {
      await ask("/v1/auth/token", { method: "POST", form, once: true });
      await client.resetQueries({ queryKey: ME });
    } catch (error) {
      const told = error instanceof ApiError ? error : null;
      if (told?.code === "otp-required") {
        // Asked for it, and it came: the code itself was wrong.
        if (otp) setRefusal(t("signIn.wrongOtp"));
        setOtp(true);
      } else if (told?.status === 429) {
        setRefusal(t("signIn.locked", { wait: span((told.retryAfterS ?? 60) * 1000) }));
      } else if (told?.code === "bad-credentials") {
        setRefusal(t(otp ? "signIn.wrongOtp" : "signIn.wrong"));
      } else {
        setRefusal(told?.status ? told.message : t("signIn.unreachable"));
      }
    } finally {
      setBusy(false);
    }
  };

  return (
    <main className="sign-in">
      <form className="panel" onSubmit={(event) => void submit(event)}>
        <h1>
          <img src="/mark.svg" alt="" width="28" height="28" />
          Watchfloor
        </h1>
        {methods?.password === false ? null : (
          <>
            <label className="field">
              <span>{t("signIn.username")}</span>
              <input className="input" name="username" autoComplete="username" required />
            </label>
            <label className="field">
              <span>{t("signIn.password")}</span>
              <input
                className="input"
                name="password"
                type="password"
                autoComplete="current-password"
                required
              />
            </label>
            {otp ? (
              <label className="field">
                <span>{t("signIn.otp")}</span>
                <input
                  className="input"
                  name="otp"
                  autoComplete="one-time-code"
                  // biome-ignore lint/a11y/noAutofocus: it appears because it is asked for now
                  autoFocus
                  required
                />
                <small>{t("signIn.otpHint")}</small>
              </label>
            ) : null}
            <p className="refusal" role="alert">
              {refusal}
            </p>
            <Button kind="main" type="submit" disabled={busy}>
              {t("signIn.submit")}
            </Button>
          </>
        )}
        {methods?.oidc ? (
          <a className="button" href="/v1/auth/oidc/start">
            {t("signIn.with", { name: methods.oidc })}
          </a>
        ) : null}
      </form>
    </main>
  );
}
