import { useTranslation } from "react-i18next";
import { EmptyState, Page } from "@/ui/basics";

export default function Shown() {
  const { t } = useTranslation("alert");
  return (
    <Page title={t("nav")}>
      <EmptyState title={t("nav")} />
    </Page>
  );
}
