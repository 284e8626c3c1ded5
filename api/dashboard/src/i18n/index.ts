/**
 * Languages by files: `messages.<language>.json` beside the shell, and one in each page's folder,
 * whose namespace is the folder's name. A language is there as soon as its files are.
 */
import i18next from "i18next";
import { initReactI18next } from "react-i18next";
import { recall, remember } from "@/lib/store";

type Messages = Record<string, unknown>;
type Load = () => Promise<{ default: Messages }>;

const SHELL = import.meta.glob<{ default: Messages }>("./messages.*.json");
const PAGES = import.meta.glob<{ default: Messages }>("../pages/*/messages.*.json");

const FALLBACK = "en";

/** The languages that there are files for. */
export const LANGUAGES: string[] = Object.keys(SHELL)
  .map((path) => /messages\.(.+)\.json$/.exec(path)?.[1] ?? "")
  .sort();

function filesOf(language: string): [namespace: string, load: Load][] {
  const found: [string, Load][] = [];
  for (const [path, load] of Object.entries({ ...SHELL, ...PAGES })) {
    const match = /(?:pages\/([^/]+)\/)?messages\.(.+)\.json$/.exec(path);
    if (match?.[2] === language) found.push([match[1] ?? "shell", load]);
  }
  return found;
}

async function load(language: string): Promise<void> {
  await Promise.all(
    filesOf(language).map(async ([namespace, file]) => {
      i18next.addResourceBundle(language, namespace, (await file()).default, true, true);
    }),
  );
}

/** The first of these that there is, by its whole name or its first part. */
export function pick(wanted: readonly string[], there: readonly string[]): string {
  for (const one of wanted) {
    for (const name of [one, one.split("-")[0] ?? ""]) if (there.includes(name)) return name;
  }
  return FALLBACK;
}

/** Before anything is shown. */
export async function startLanguage(): Promise<void> {
  const chosen = recall<string | null>("language", null);
  const language = pick([...(chosen ? [chosen] : []), ...navigator.languages], LANGUAGES);
  await i18next.use(initReactI18next).init({
    lng: language,
    fallbackLng: FALLBACK,
    ns: ["shell"],
    defaultNS: "shell",
    resources: {},
    // React escapes what it shows.
    interpolation: { escapeValue: false },
    react: { useSuspense: false },
  });
  await load(language);
  document.documentElement.lang = language;
}

/** Another language from now on, here and at the next visit. */
export async function speak(language: string): Promise<void> {
  await load(language);
  await i18next.changeLanguage(language);
  document.documentElement.lang = language;
  remember("language", language);
}
