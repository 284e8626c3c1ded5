/** The search, and filters that are kept under a name. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type RefObject, useState } from "react";
import { useTranslation } from "react-i18next";
import { ask } from "@/api/client";
import { ME, useSession } from "@/api/session";
import type { AlertState, Me, SavedFilter, Severity } from "@/api/types";
import { EVERYTHING, type Filter, filterOf } from "@/pages/queue/filter";
import { Button } from "@/ui/basics";
import { Dialog } from "@/ui/dialog";
import { useToast } from "@/ui/toasts";

const SEVERITIES: readonly Severity[] = ["critical", "high", "medium", "low", "info"];
const STATES: readonly AlertState[] = ["open", "acknowledged"];

const MOST = 50;

/** Kept with the account: they are at every desk. */
function useSaved(): [readonly SavedFilter[], (saved: SavedFilter[]) => void] {
  const { me } = useSession();
  const client = useQueryClient();
  const toast = useToast();
  const keep = useMutation({
    mutationFn: (filters: SavedFilter[]) =>
      ask<Me>("/v1/me", { method: "PATCH", body: { filters } }),
    onMutate: (filters) => client.setQueryData<Me>(ME, { ...me, filters }),
    onSuccess: (mine) => client.setQueryData<Me>(ME, mine),
    onError: (error) => {
      toast({ text: error.message });
      void client.invalidateQueries({ queryKey: ME });
    },
  });
  return [me.filters, keep.mutate];
}

interface FiltersProps {
  filter: Filter;
  change: (filter: Filter) => void;
  search: RefObject<HTMLInputElement | null>;
}

export function Filters({ filter, change, search }: FiltersProps) {
  const { t } = useTranslation("queue");
  const [saved, save] = useSaved();
  const [naming, setNaming] = useState(false);
  const toggle = <T extends string>(list: readonly T[], one: T) =>
    list.includes(one) ? list.filter((other) => other !== one) : [...list, one];
  const current = saved.find((one) => same(filterOf(one), filter));
  const everything = same(filter, EVERYTHING);

  const name = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const text = new FormData(event.currentTarget).get("name");
    if (typeof text !== "string" || !text.trim()) return;
    const { severities, states, ...rest } = filter;
    const made = { name: text.trim(), severities: [...severities], states: [...states], ...rest };
    // The newest ones, where there are too many.
    save([...saved.filter((one) => one.name !== made.name), made].slice(-MOST));
    setNaming(false);
  };

  return (
    <search className="queue-filters">
      <input
        ref={search}
        className="input queue-search"
        maxLength={200}
        type="search"
        placeholder={t("search")}
        aria-label={t("search")}
        aria-keyshortcuts="/"
        value={filter.text}
        onChange={(event) => change({ ...filter, text: event.target.value })}
      />
      <fieldset>
        <legend className="hidden-text">{t("severity")}</legend>
        {SEVERITIES.map((one) => (
          <Button
            key={one}
            kind="bare"
            className="button chip"
            data-severity={one}
            aria-pressed={filter.severities.includes(one)}
            onClick={() => change({ ...filter, severities: toggle(filter.severities, one) })}
          >
            {t(`shell:severity.${one}`)}
          </Button>
        ))}
      </fieldset>
      <fieldset>
        <legend className="hidden-text">{t("state")}</legend>
        {STATES.map((one) => (
          <Button
            key={one}
            kind="bare"
            className="button chip"
            aria-pressed={filter.states.includes(one)}
            onClick={() => change({ ...filter, states: toggle(filter.states, one) })}
          >
            {t(`states.${one}`)}
          </Button>
        ))}
        <Button
          kind="bare"
          className="button chip"
          aria-pressed={filter.snoozed}
          onClick={() => change({ ...filter, snoozed: !filter.snoozed })}
        >
          {t("states.snoozed")}
        </Button>
      </fieldset>
      {saved.length ? (
        <select
          className="input"
          aria-label={t("saved")}
          value={current?.name ?? ""}
          onChange={(event) => {
            const found = saved.find((one) => one.name === event.target.value);
            change(found ? filterOf(found) : EVERYTHING);
          }}
        >
          <option value="">{everything ? t("everything") : t("unsaved")}</option>
          {saved.map((one) => (
            <option key={one.name}>{one.name}</option>
          ))}
        </select>
      ) : null}
      {current ? (
        <Button kind="bare" onClick={() => save(saved.filter((one) => one !== current))}>
          {t("forget")}
        </Button>
      ) : everything ? null : (
        <>
          <Button kind="bare" onClick={() => setNaming(true)}>
            {t("save")}
          </Button>
          <Button kind="bare" onClick={() => change(EVERYTHING)}>
            {t("clear")}
          </Button>
        </>
      )}
      {naming ? (
        <Dialog title={t("save")} close={() => setNaming(false)}>
          <form className="dialog-form" onSubmit={name}>
            <label className="field">
              <span>{t("name")}</span>
              <input className="input" name="name" maxLength={60} required />
            </label>
            <div className="dialog-foot">
              <Button kind="main" type="submit">
                {t("save")}
              </Button>
            </div>
          </form>
        </Dialog>
      ) : null}
    </search>
  );
}

function same(a: Filter, b: Filter): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
