/** What saving changes, before it is saved; and what to do when somebody else saved first. */
import { useMutation } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { ApiError, ask } from "@/api/client";
import { Button } from "@/ui/basics";
import { Dialog } from "@/ui/dialog";
import { useToast } from "@/ui/toasts";
import type { DifferenceView, SavedView } from "./document";
import { Problems } from "./fields";
import { type Part, placeOf, type Work } from "./work";

const MOST = 160;

/** A value on one line. */
function brief(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > MOST ? `${text.slice(0, MOST - 1)}…` : text;
}

export function Changes({ of, more }: { of: readonly DifferenceView[]; more: number }) {
  const { t } = useTranslation("rules");
  return (
    <ul className="rules-changes">
      {of.map((one) => (
        <li key={one.path} data-kind={one.kind}>
          <strong>{t(`change.${one.kind}`)}</strong> <code>{one.path}</code>
          {one.cut ? <div className="quiet">{t("change.cut")}</div> : null}
          {!one.cut && one.kind !== "added" ? <del>{brief(one.before)}</del> : null}
          {!one.cut && one.kind !== "removed" ? <ins>{brief(one.after)}</ins> : null}
        </li>
      ))}
      {more ? <li className="quiet">{t("change.more", { count: more })}</li> : null}
    </ul>
  );
}

interface Props<D> {
  part: Part;
  work: Work<D>;
  /** Whether what is saved was tried on the past. */
  tried: boolean;
  close: () => void;
}

export function SaveDialog<D>({ part, work, tried, close }: Props<D>) {
  const { t } = useTranslation("rules");
  const toast = useToast();
  const { draft, check, checking } = work;
  const save = useMutation({
    mutationFn: () =>
      ask<SavedView>(placeOf(part), {
        method: "PUT",
        body: { document: draft?.document },
        ifMatch: `"${draft?.base.revision}"`,
      }),
    onSuccess: async (view) => {
      await work.saved();
      toast({
        text: t(view.in_force ? "save.inForce" : "save.later", { revision: view.revision }),
      });
      close();
    },
  });
  const meet = useMutation({
    mutationFn: work.meet,
    onSuccess: () => save.reset(),
  });
  const error = save.error ?? meet.error;
  const lost = save.error instanceof ApiError && save.error.code === "document-changed";
  const nothing = check?.ok === true && check.changes.length === 0;
  const ready = check?.ok === true && !checking && !nothing;
  return (
    <Dialog title={t("save.title")} close={close}>
      {lost ? (
        <div role="alert" className="rules-warn">
          <p>{t("save.lost")}</p>
          <p className="quiet">{save.error?.message}</p>
          <p>{t("save.lostHint")}</p>
        </div>
      ) : error ? (
        <p role="alert" className="refusal">
          {error instanceof ApiError && error.status === 0
            ? t("shell:error.noAnswer")
            : error.message}
        </p>
      ) : null}
      {draft?.conflicts.length ? (
        <div role="alert" className="rules-warn">
          <p>{t("save.conflicts")}</p>
          <ul>
            {draft.conflicts.map((path) => (
              <li key={path}>
                <code>{path}</code>
              </li>
            ))}
          </ul>
        </div>
      ) : null}
      {tried ? null : <p className="quiet">{t("save.untried")}</p>}
      {check && !checking ? (
        <>
          {check.ok ? (
            <p>{nothing ? t("save.nothing") : t("save.against", { revision: check.revision })}</p>
          ) : (
            <p>{t("save.problems")}</p>
          )}
          <Problems of={check.problems} />
          <Changes of={check.changes} more={check.more} />
          {check.notes.length ? (
            <ul className="quiet">
              {check.notes.map((one) => (
                <li key={`${one.path.join("/")} ${one.message}`}>{one.message}</li>
              ))}
            </ul>
          ) : null}
        </>
      ) : (
        <p role="status">{t("save.checking")}</p>
      )}
      <div className="dialog-foot">
        <Button onClick={close}>{t("shell:cancel")}</Button>
        {lost ? (
          <Button kind="main" disabled={meet.isPending} onClick={() => meet.mutate()}>
            {t("save.meet")}
          </Button>
        ) : (
          <Button kind="main" disabled={!ready || save.isPending} onClick={() => save.mutate()}>
            {t("save.save")}
          </Button>
        )}
      </div>
    </Dialog>
  );
}
