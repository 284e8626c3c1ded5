/** Another picture for a plan. */
import { useQueryClient } from "@tanstack/react-query";
import { type ChangeEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import type { ProblemDocument } from "@/api/types";
import type { PlanView } from "./api";

const TYPES = ["image/png", "image/jpeg", "image/webp"];

export function Upload({ plan }: { plan: PlanView }) {
  const { t } = useTranslation("map");
  const client = useQueryClient();
  const [said, setSaid] = useState<{ text: string; bad: boolean } | null>(null);
  const send = async (event: ChangeEvent<HTMLInputElement>) => {
    const file = event.target.files?.[0];
    if (!file) return;
    setSaid({ text: t("upload.going"), bad: false });
    const problem = await put(plan, file).catch((error: Error) => error.message);
    setSaid(
      problem === null ? { text: t("upload.done"), bad: false } : { text: problem, bad: true },
    );
    await client.invalidateQueries({ queryKey: ["places"] });
  };
  return (
    <p className="upload">
      <label>
        {t(plan.image ? "upload.another" : "upload.first")}{" "}
        <input type="file" accept={TYPES.join()} onChange={(event) => void send(event)} />
      </label>
      {said ? (
        <span className={said.bad ? "refusal" : "quiet"} role="status">
          {said.text}
        </span>
      ) : null}
    </p>
  );
}

/** What was wrong with it, in the server's words; null where it was taken. */
async function put(plan: PlanView, file: File): Promise<string | null> {
  const site = encodeURIComponent(plan.site_id);
  const path = `/v1/sites/${site}/plans/${encodeURIComponent(plan.plan_id)}/image`;
  const answer = await fetch(path, {
    method: "PUT",
    headers: { "content-type": file.type },
    body: file,
  });
  if (answer.ok) return null;
  const problem = (await answer.json().catch(() => null)) as ProblemDocument | null;
  return problem?.detail ?? `status ${answer.status}`;
}
