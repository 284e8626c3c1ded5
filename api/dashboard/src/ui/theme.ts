/** Dark or light: as the system has it, or as the analyst wants it here. */
import { recall, remember } from "@/lib/store";

export type Theme = "auto" | "dark" | "light";
const LIGHT = "(prefers-color-scheme: light)";

export function theme(): Theme {
  return recall<Theme>("theme", "auto");
}

function paint(): void {
  const wanted = theme();
  const light = wanted === "light" || (wanted === "auto" && matchMedia(LIGHT).matches);
  document.documentElement.dataset.theme = light ? "light" : "dark";
}

export function setTheme(wanted: Theme): void {
  remember("theme", wanted);
  paint();
}

export function startTheme(): void {
  matchMedia(LIGHT).addEventListener("change", paint);
  paint();
}
