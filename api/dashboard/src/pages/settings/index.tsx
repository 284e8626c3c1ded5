/** Settings: one's own account, this browser, users, tokens, sites. */
import { useTranslation } from "react-i18next";
import { useSession } from "@/api/session";
import { Browser } from "@/pages/settings/browser";
import { Devices } from "@/pages/settings/devices";
import { Log } from "@/pages/settings/log";
import { Own } from "@/pages/settings/own";
import { Sites } from "@/pages/settings/sites";
import { Tokens } from "@/pages/settings/tokens";
import { Users } from "@/pages/settings/users";
import { Page } from "@/ui/basics";
import "@/pages/settings/settings.css";

export default function Settings() {
  const { t } = useTranslation("settings");
  const { me, may } = useSession();
  return (
    <Page title={t("nav")}>
      <div className="settings">
        <Browser />
        {may("alerts:read") ? <Devices /> : null}
        <Own />
        {may("users:admin") ? <Users /> : null}
        {may("tokens:admin") ? <Tokens /> : null}
        <Sites />
        {may("audit:read") && me.sites === null ? <Log /> : null}
      </div>
    </Page>
  );
}
