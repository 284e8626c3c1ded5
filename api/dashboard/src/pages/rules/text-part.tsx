/** The document as text, for what has no form of its own. */
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ask } from "@/api/client";
import { Button, ErrorState, Loading } from "@/ui/basics";
import { useToast } from "@/ui/toasts";
import type { CheckView, SavedView } from "./document";
import { Changes } from "./save-dialog";
import { type May, type Part, placeOf, type Work } from "./work";

interface Props<D> {
  part: Part;
  work: Work<D>;
  may: May;
}

const ROWS = 28;

export function TextPart<D>({ part, work, may }: Props<D>) {
  const { t } = useTranslation("rules");
  const toast = useToast();
  const [typed, setTyped] = useState<string | null>(null);
  const { draft, error } = work;
  const text = typed ?? draft?.base.yaml ?? "";
  const check = useMutation({
    mutationFn: (document: string) =>
      ask<CheckView>(`${placeOf(part)}/check`, { method: "POST", body: { document } }),
  });
  const save = useMutation({
    mutationFn: () =>
      ask<SavedView>(placeOf(part), {
        method: "PUT",
        body: { document: text },
        ifMatch: `"${draft?.base.revision}"`,
      }),
    onSuccess: async (view) => {
      await work.saved();
      setTyped(null);
      check.reset();
      toast({
        text: t(view.in_force ? "save.inForce" : "save.later", { revision: view.revision }),
      });
    },
  });
  if (error && !draft) return <ErrorState error={error} />;
  if (!draft) return <Loading />;
  const checked = check.data && check.variables === text ? check.data : null;
  return (
    <div className="rules-text">
      {work.changed ? <p className="rules-warn">{t("text.draft")}</p> : null}
      <label className="field">
        <span>{t("text.label")}</span>
        <textarea
          className="input"
          rows={ROWS}
          spellCheck={false}
          readOnly={!may.save}
          value={text}
          onChange={(event) => setTyped(event.target.value)}
        />
      </label>
      {check.error || save.error ? (
        <p role="alert" className="refusal">
          {(save.error ?? check.error)?.message}
        </p>
      ) : null}
      <div role="status">
        {checked ? (
          checked.ok ? (
            <>
              <p>{t("save.against", { revision: checked.revision })}</p>
              <Changes of={checked.changes} more={checked.more} />
            </>
          ) : (
            <ul className="refusal">
              {checked.problems.map((one) => (
                <li key={`${one.line} ${one.message}`}>
                  {one.line ? `${t("text.line", { line: one.line })}: ` : ""}
                  {one.message}
                </li>
              ))}
            </ul>
          )
        ) : null}
      </div>
      <div className="rules-row">
        <Button disabled={check.isPending} onClick={() => check.mutate(text)}>
          {t("text.check")}
        </Button>
        <Button
          kind="main"
          disabled={!may.save || !checked?.ok || !checked.changes.length || save.isPending}
          onClick={() => save.mutate()}
        >
          {t("save.save")}
        </Button>
      </div>
    </div>
  );
}
