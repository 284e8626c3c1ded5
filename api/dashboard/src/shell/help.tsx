/** Which keys there are: every page's own messages say it, under `keys`. */
import { useTranslation } from "react-i18next";
import { useSession } from "@/api/session";
import { PAGES } from "@/pages";
import { Dialog } from "@/ui/dialog";

function Keys({ title, keys }: { title: string; keys: Record<string, string> }) {
  return (
    <section>
      <h3>{title}</h3>
      <dl className="keys">
        {Object.entries(keys).map(([key, what]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

export function Help({ close }: { close: () => void }) {
  const { t, i18n } = useTranslation();
  const { may } = useSession();
  const pages = PAGES.filter((page) => !page.scope || may(page.scope));
  return (
    <Dialog title={t("help.title")} close={close}>
      <Keys title={t("help.everywhere")} keys={{ "?": t("help.help"), Esc: t("help.close") }} />
      {pages.map((page) => {
        const keys = i18n.getResource(i18n.language, page.name, "keys") as
          | Record<string, string>
          | undefined;
        return keys ? (
          <Keys key={page.name} title={i18n.t("nav", { ns: page.name })} keys={keys} />
        ) : null;
      })}
    </Dialog>
  );
}
