/** Keys of a page. Pure where it decides; the hook only listens. */
import { useEffect, useRef } from "react";

export interface Pressed {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  /** Whether what has the focus takes text, or uses this key itself. */
  typing: boolean;
}

/** The name under which a page binds what was pressed; null: not for the page. */
export function nameOf(pressed: Pressed): string | null {
  if (pressed.altKey || pressed.metaKey || pressed.ctrlKey) return null;
  if (pressed.key === "Escape") return "Escape";
  if (pressed.typing) return null;
  return pressed.key.length === 1 ? pressed.key.toLowerCase() : pressed.key;
}

const TEXT = new Set(["INPUT", "TEXTAREA", "SELECT"]);
const OWN_KEYS = new Set([
  "Enter",
  " ",
  "ArrowUp",
  "ArrowDown",
  "Home",
  "End",
  "PageUp",
  "PageDown",
]);

function typing(event: KeyboardEvent): boolean {
  const target = event.target;
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement && target.type === "checkbox") return event.key === " ";
  if (TEXT.has(target.tagName) || target.isContentEditable) return true;
  return OWN_KEYS.has(event.key) && (target.tagName === "BUTTON" || target.tagName === "A");
}

/**
 * Call a function for a key while the component is shown; keys are lower case letters or names as
 * the browser has them (`ArrowDown`). Nothing is called while text is typed or a dialog is open.
 */
export function useKeys(bound: Readonly<Record<string, (event: KeyboardEvent) => void>>): void {
  const newest = useRef(bound);
  newest.current = bound;
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.defaultPrevented || document.querySelector("dialog[open]")) return;
      const name = nameOf({
        key: event.key,
        ctrlKey: event.ctrlKey,
        metaKey: event.metaKey,
        altKey: event.altKey,
        typing: typing(event),
      });
      const act = name && Object.hasOwn(newest.current, name) ? newest.current[name] : undefined;
      if (!act) return;
      event.preventDefault();
      act(event);
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);
}
