/** The first thing after a sign-in with a temporary password. */
import { useTranslation } from "react-i18next";
import { useSession } from "@/api/session";
import { PasswordForm } from "@/pages/settings/own";
import { Button } from "@/ui/basics";
import "@/pages/settings/settings.css";

export default function NewPassword() {
  const { t } = useTranslation();
  const { signOut } = useSession();
  return (
    <main className="sign-in">
      <div className="panel new-password">
        <h1>{t("signIn.changePassword")}</h1>
        <PasswordForm />
        <Button kind="bare" onClick={() => void signOut()}>
          {t("signOut")}
        </Button>
      </div>
    </main>
  );
}
