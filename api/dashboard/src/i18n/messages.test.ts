import { describe, expect, it } from "vitest";
import { pick } from "@/i18n";

const FILES = import.meta.glob<{ default: Record<string, unknown> }>(
  ["./messages.*.json", "../pages/*/messages.*.json"],
  { eager: true },
);

function flat(value: unknown, path = ""): [string, string][] {
  if (typeof value === "string") return [[path, value]];
  return Object.entries(value as Record<string, unknown>).flatMap(([key, one]) =>
    flat(one, path ? `${path}.${key}` : key),
  );
}

const english = Object.keys(FILES).filter((path) => path.endsWith(".en.json"));

describe("messages", () => {
  it("are found", () => expect(english.length).toBeGreaterThan(2));
  it.each(english)("%s has the same keys and variables in German", (path) => {
    const other = FILES[path.replace(".en.json", ".de.json")];
    const variables = (text: string) => (text.match(/{{\w+}}/g) ?? []).sort().join();
    const shape = (found: unknown) =>
      Object.fromEntries(flat(found).map(([key, text]) => [key, variables(text)]));
    expect(shape(other?.default)).toEqual(shape(FILES[path]?.default));
  });
});

describe("pick", () => {
  it.each([
    [["de-AT", "en"], "de"],
    [["fr", "de"], "de"],
    [["fr"], "en"],
  ])("%j is %s", (wanted, found) => expect(pick(wanted, ["de", "en"])).toBe(found));
});
