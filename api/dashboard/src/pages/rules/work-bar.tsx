/** What is done with a draft: undone, given up, looked at and saved. */
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/ui/basics";
import { useKeys } from "@/ui/keys";
import { SaveDialog } from "./save-dialog";
import type { May, Part, Work } from "./work";

interface Props<D> {
  part: Part;
  work: Work<D>;
  tried: boolean;
  may: May;
}

export function WorkBar<D>({ part, work, tried, may }: Props<D>) {
  const { t } = useTranslation("rules");
  const [saving, setSaving] = useState(false);
  const { draft, changed, check, checking } = work;
  const undo = () => work.act({ do: "undo" });
  useKeys({ u: undo });
  if (!draft) return null;
  const wrong = check && !check.ok && !checking ? check.problems.length : 0;
  return (
    <div className="rules-bar">
      <span role="status">
        {wrong
          ? t("bar.problems", { count: wrong })
          : !may.save
            ? t("bar.readOnly")
            : changed
              ? t("bar.changed")
              : t("bar.revision", { revision: draft.base.revision, name: draft.base.author })}
      </span>
      <span className="spring" />
      <Button disabled={!draft.back.length} onClick={undo} hint="u">
        {t("bar.undo")}
      </Button>
      <Button disabled={!changed} onClick={() => work.act({ do: "discard" })}>
        {t("bar.discard")}
      </Button>
      <Button kind="main" disabled={!changed || !may.save} onClick={() => setSaving(true)}>
        {t("bar.save")}
      </Button>
      {saving ? (
        <SaveDialog part={part} work={work} tried={tried} close={() => setSaving(false)} />
      ) : null}
    </div>
  );
}
