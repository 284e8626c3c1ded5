import { describe, expect, it } from "vitest";
import type { DocumentView } from "./document";
import { type Draft, dirty, next, started } from "./draft";

interface Named {
  name?: string;
  zone?: string;
}
const view = (revision: number, document: Named, site = "north"): DocumentView<Named> => ({
  site_id: site,
  revision,
  author: "kim",
  at: null,
  document,
  yaml: "",
});
const first = started(view(7, { name: "a" }));
const changed = (name: string, draft: Draft<Named> | null = first) =>
  next(draft, { do: "change", document: { name } }) as Draft<Named>;

describe("a draft", () => {
  it("is changed, and what was is found again", () => {
    const draft = changed("c", changed("b"));
    expect(dirty(draft)).toBe(true);
    expect(next(draft, { do: "undo" })?.document).toEqual({ name: "b" });
    expect(next(draft, { do: "discard" })?.document).toEqual({ name: "a" });
    expect(next(first, { do: "undo" })).toBe(first);
  });
  it("is a new version with each change, and none without one", () => {
    expect(changed("b").version).toBe(1);
    expect(changed("a")).toBe(first);
  });
  it("is not taken from under the hands of whoever works on it", () => {
    const draft = changed("b");
    expect(next(draft, { do: "read", view: view(8, { name: "x" }) })).toBe(draft);
    expect(next(first, { do: "read", view: view(8, { name: "x" }) })?.base.revision).toBe(8);
    expect(next(first, { do: "read", view: view(7, { name: "a" }) })).toBe(first);
  });
  it("of another site takes its place", () => {
    const other = next(changed("b"), { do: "read", view: view(3, { name: "s" }, "south") });
    expect(other?.document).toEqual({ name: "s" });
  });
  it("meets what somebody else saved, and stands on that", () => {
    const draft = changed("b");
    const met = next(draft, { do: "meet", theirs: view(9, { name: "a", zone: "new" }) });
    expect(met?.document).toEqual({ name: "b", zone: "new" });
    expect(met?.base.revision).toBe(9);
    expect(met?.conflicts).toEqual([]);
    const fight = next(draft, { do: "meet", theirs: view(9, { name: "z" }) });
    expect([fight?.document, fight?.conflicts]).toEqual([{ name: "b" }, ["name"]]);
  });
  it("remembers a hundred steps", () => {
    let draft: Draft<Named> | null = first;
    for (let n = 0; n < 150; n += 1) draft = changed(`n${n}`, draft);
    expect(draft?.back).toHaveLength(100);
  });
});
