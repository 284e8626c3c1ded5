/** Who changed the document, what, and when; and the way back to how it was. */
import { useInfiniteQuery, useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ask } from "@/api/client";
import type { Paged } from "@/api/types";
import { Button, ErrorState, Loading, TimeText } from "@/ui/basics";
import { Dialog } from "@/ui/dialog";
import { useToast } from "@/ui/toasts";
import type { RevisionView, SavedView } from "./document";
import { Changes } from "./save-dialog";
import { type May, type Part, placeOf, type Work } from "./work";

interface Props<D> {
  part: Part;
  work: Work<D>;
  may: May;
}

export function HistoryPanel<D>({ part, work, may }: Props<D>) {
  const { t } = useTranslation("rules");
  const [asked, setAsked] = useState<RevisionView | null>(null);
  const { data, error, isPending, hasNextPage, fetchNextPage, isFetchingNextPage, refetch } =
    useInfiniteQuery({
      queryKey: ["history", part ?? "*routing"],
      queryFn: ({ pageParam, signal }) =>
        ask<Paged<RevisionView>>(`${placeOf(part)}/history`, {
          query: { limit: 20, cursor: pageParam },
          signal,
        }),
      initialPageParam: null as string | null,
      getNextPageParam: (page) => page.next,
    });
  if (error) return <ErrorState error={error} again={() => void refetch()} />;
  if (isPending) return <Loading />;
  const revisions = data.pages.flatMap((page) => page.items);
  return (
    <section className="rules-history" aria-label={t("history.title")}>
      <ol>
        {revisions.map((one, index) => (
          <li key={one.revision} className="panel">
            <div className="rules-row">
              <h2 className="number">{t("history.revision", { revision: one.revision })}</h2>
              <span>{t("history.by", { name: one.author })}</span>
              <TimeText at={one.at} site={part} />
              {index === 0 ? <span className="tag">{t("history.inForce")}</span> : null}
              {one.removed ? <span className="tag">{t("history.removed")}</span> : null}
              {index > 0 && !one.removed && may.save ? (
                <Button onClick={() => setAsked(one)}>{t("history.restore")}</Button>
              ) : null}
            </div>
            <details>
              <summary>{t("history.changes", { count: one.changes.length + one.more })}</summary>
              <Changes of={one.changes} more={one.more} />
            </details>
          </li>
        ))}
      </ol>
      {revisions.length === 0 ? <p className="quiet">{t("history.none")}</p> : null}
      {hasNextPage ? (
        <Button disabled={isFetchingNextPage} onClick={() => void fetchNextPage()}>
          {t("history.older")}
        </Button>
      ) : null}
      {asked ? (
        <Restore part={part} work={work} revision={asked} close={() => setAsked(null)} />
      ) : null}
    </section>
  );
}

interface RestoreProps<D> {
  part: Part;
  work: Work<D>;
  revision: RevisionView;
  close: () => void;
}

function Restore<D>({ part, work, revision, close }: RestoreProps<D>) {
  const { t } = useTranslation("rules");
  const toast = useToast();
  const restore = useMutation({
    mutationFn: () =>
      ask<SavedView>(`${placeOf(part)}/history/${revision.revision}/restore`, {
        method: "POST",
        ifMatch: `"${work.draft?.base.revision}"`,
      }),
    onSuccess: async (view) => {
      await work.saved();
      toast({
        text: t(view.in_force ? "save.inForce" : "save.later", { revision: view.revision }),
      });
      close();
    },
  });
  return (
    <Dialog title={t("history.restoreTitle", { revision: revision.revision })} close={close}>
      <p>{t("history.restoreHint")}</p>
      {work.changed ? <p className="rules-warn">{t("history.lost")}</p> : null}
      {restore.error ? (
        <p role="alert" className="refusal">
          {restore.error.message}
        </p>
      ) : null}
      <div className="dialog-foot">
        <Button onClick={close}>{t("shell:cancel")}</Button>
        <Button kind="main" disabled={restore.isPending} onClick={() => restore.mutate()}>
          {t("history.restore")}
        </Button>
      </div>
    </Dialog>
  );
}
