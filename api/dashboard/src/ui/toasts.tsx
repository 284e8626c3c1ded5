/** Short words about what was done, with a way back where there is one. */
import {
  createContext,
  type ReactNode,
  useCallback,
  useContext,
  useMemo,
  useRef,
  useState,
} from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/ui/basics";

export interface Toast {
  text: string;
  kind?: "plain" | "bad";
  /** Undo, with the key that does it. */
  undo?: () => void;
  /** How long it stays; a bad one stays longer. */
  forMs?: number;
}

type Show = (toast: Toast) => () => void;

const Current = createContext<Show | null>(null);
const MOST = 4;

export function ToastProvider({ children }: { children: ReactNode }) {
  const { t } = useTranslation();
  const [shown, setShown] = useState<readonly (Toast & { id: number })[]>([]);
  const next = useRef(0);
  const show = useCallback<Show>((toast) => {
    const id = next.current;
    next.current += 1;
    const close = () => setShown((all) => all.filter((one) => one.id !== id));
    setShown((all) => [...all, { ...toast, id }].slice(-MOST));
    setTimeout(close, toast.forMs ?? (toast.kind === "bad" ? 12_000 : 4_000));
    return close;
  }, []);
  const list = useMemo(
    () =>
      shown.map((toast) => (
        <div key={toast.id} className="toast" data-kind={toast.kind ?? "plain"}>
          <p>{toast.text}</p>
          {toast.undo ? (
            <Button onClick={toast.undo} hint="u">
              {t("undo")}
            </Button>
          ) : null}
        </div>
      )),
    [shown, t],
  );
  return (
    <Current.Provider value={show}>
      {children}
      <div className="toasts" role="status" aria-live="polite">
        {list}
      </div>
    </Current.Provider>
  );
}

/** Shows a toast; the function that it gives closes it early. */
export function useToast(): Show {
  const found = useContext(Current);
  if (!found) throw new Error("no toasts here");
  return found;
}
