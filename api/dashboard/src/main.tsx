import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "@/app";
import { startLanguage } from "@/i18n";
import "@/ui/theme.css";
import { startTheme } from "@/ui/theme";

startTheme();
await startLanguage();
const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
}
if (import.meta.env.PROD && "serviceWorker" in navigator) {
  // Without one (a private window) the page only lacks its offline shell.
  navigator.serviceWorker.register("/sw.js").catch(() => {});
}
