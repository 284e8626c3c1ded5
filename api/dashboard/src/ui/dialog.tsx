/** A modal dialog: the browser's own, which holds the focus and closes by Escape. */
import { type ReactNode, useEffect, useId, useRef } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/ui/basics";

const FIRST = ["input", "textarea", "select", "button"].map((tag) => `${tag}:not(:disabled)`);

interface DialogProps {
  title: string;
  close: () => void;
  children: ReactNode;
}

/** Shown while it is mounted. */
export function Dialog({ title, close, children }: DialogProps) {
  const { t } = useTranslation();
  const element = useRef<HTMLDialogElement>(null);
  const name = useId();
  useEffect(() => {
    const dialog = element.current;
    const before = document.activeElement;
    dialog?.showModal();
    // The browser would begin with the button that closes it.
    dialog?.querySelector<HTMLElement>(`.dialog-body :is(${FIRST.join(", ")})`)?.focus();
    return () => {
      dialog?.close();
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={element}
      className="dialog"
      aria-labelledby={name}
      onCancel={(event) => {
        event.preventDefault();
        close();
      }}
    >
      <div className="dialog-head">
        <h2 id={name}>{title}</h2>
        <Button kind="bare" onClick={close} aria-label={t("close")}>
          ✕
        </Button>
      </div>
      <div className="dialog-body">{children}</div>
    </dialog>
  );
}
