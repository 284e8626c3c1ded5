/** The small parts that every page is made of. */
import {
  Component,
  type ComponentPropsWithRef,
  type ErrorInfo,
  type ReactNode,
  useEffect,
} from "react";
import { useTranslation } from "react-i18next";
import { ApiError } from "@/api/client";
import { useSiteZone } from "@/api/queries";
import { useSession } from "@/api/session";
import type { Severity as SeverityName } from "@/api/types";
import { browserZone, moment, shownTime, span } from "@/lib/time";
import { useNow } from "@/stream/context";

interface ButtonProps extends ComponentPropsWithRef<"button"> {
  kind?: "plain" | "main" | "bare" | "danger";
  /** The key that does the same; shown, not bound. */
  hint?: string;
}

export function Button({ kind = "plain", hint, children, type = "button", ...rest }: ButtonProps) {
  return (
    <button type={type} className="button" data-kind={kind} aria-keyshortcuts={hint} {...rest}>
      {children}
      {hint ? (
        <span className="kbd" aria-hidden="true">
          {hint}
        </span>
      ) : null}
    </button>
  );
}

interface PageProps {
  title: string;
  /** Beside the title: filters, buttons. */
  actions?: ReactNode;
  children: ReactNode;
  /** Without margins, as high as the window: the content scrolls by itself. */
  full?: boolean;
}

/** A page's frame; its title is the window's too. */
export function Page({ title, actions, children, full = false }: PageProps) {
  useEffect(() => {
    document.title = `${title} · Watchfloor`;
  }, [title]);
  return (
    <div className={full ? "page full" : "page"}>
      <div className="page-head">
        <h1>{title}</h1>
        {actions}
      </div>
      {children}
    </div>
  );
}

export function Severity({ value }: { value: SeverityName }) {
  const { t } = useTranslation();
  return (
    <span className="tag severity" data-severity={value}>
      {t(`severity.${value}`)}
    </span>
  );
}

/** The analyst's zone and language for times. */
export function useClock(): { zone: string; language: string } {
  const { i18n } = useTranslation();
  const { me } = useSession();
  return { zone: me.timezone ?? browserZone(), language: i18n.language };
}

/** A moment in the site's zone, the analyst's beside it where the clocks differ. */
export function TimeText({ at, site }: { at: string | null; site: string | null }) {
  const { t } = useTranslation();
  const { zone, language } = useClock();
  const siteZone = useSiteZone(site) ?? zone;
  const now = useNow(60_000);
  if (!at) return <span className="quiet">–</span>;
  const ms = Date.parse(at);
  const shown = shownTime(ms, now, siteZone, zone, language);
  return (
    <time className="time" dateTime={at} title={moment(ms, siteZone, language)}>
      {shown.text}
      {shown.own ? (
        <small title={`${t("own")}: ${moment(ms, zone, language)}`}>{shown.own}</small>
      ) : null}
    </time>
  );
}

/** How long ago something was, by the server's clock. */
export function Ago({ at }: { at: string }) {
  const now = useNow(1000);
  return <span className="number">{span(now - Date.parse(at))}</span>;
}

export function EmptyState({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="state">
      <strong>{title}</strong>
      {children}
    </div>
  );
}

export function Loading() {
  const { t } = useTranslation();
  return (
    <p className="state" role="status">
      {t("loading")}
    </p>
  );
}

/** What went wrong, in the server's own words where it said some. */
export function ErrorState({ error, again }: { error: Error; again?: () => void }) {
  const { t } = useTranslation();
  const silent = error instanceof ApiError && error.status === 0;
  return (
    <div className="state" role="alert">
      <strong>{t("error.title")}</strong>
      <span>{silent ? t("error.noAnswer") : error.message}</span>
      {again ? <Button onClick={again}>{t("error.again")}</Button> : null}
    </div>
  );
}

/** A page that fails leaves the rest standing: the stream, the banner, the navigation. */
export class Boundary extends Component<{ children: ReactNode; fallback: ReactNode }> {
  override state = { failed: false };

  static getDerivedStateFromError(): { failed: boolean } {
    return { failed: true };
  }

  override componentDidCatch(error: Error, info: ErrorInfo): void {
    console.error(error, info.componentStack);
  }

  override render(): ReactNode {
    return this.state.failed ? this.props.fallback : this.props.children;
  }
}
