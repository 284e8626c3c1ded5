import { describe, expect, it } from "vitest";
import { nameOf } from "@/ui/keys";

const none = { ctrlKey: false, metaKey: false, altKey: false, typing: false };

describe("nameOf", () => {
  it.each([
    [{ ...none, key: "j" }, "j"],
    [{ ...none, key: "J" }, "j"], // Caps Lock is no other command
    [{ ...none, key: "?" }, "?"],
    [{ ...none, key: "ArrowDown" }, "ArrowDown"],
    [{ ...none, key: "a", ctrlKey: true }, null], // select all is the browser's
    [{ ...none, key: "r", metaKey: true }, null], // so is reload
    [{ ...none, key: "e", altKey: true }, null], // and a letter of other keyboards
    [{ ...none, key: "r", typing: true }, null], // a comment with an r in it resolves nothing
    [{ ...none, key: "Escape", typing: true }, "Escape"],
  ])("%j is %s", (pressed, name) => expect(nameOf(pressed)).toBe(name));
});
