/** Puts it together: who is signed in, what is live, which page is shown. */
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { type ComponentType, lazy, type ReactNode, Suspense } from "react";
import { useTranslation } from "react-i18next";
import { createBrowserRouter, Link, RouterProvider } from "react-router";
import { ApiError } from "@/api/client";
import { CommandsProvider } from "@/api/commands";
import { SessionProvider, useSession } from "@/api/session";
import { PAGES, type PageEntry } from "@/pages";
import { goneTo } from "@/push/notice";
import { Layout } from "@/shell/layout";
import { SignIn } from "@/shell/sign-in";
import { SiteChoice } from "@/shell/site";
import { StreamProvider } from "@/stream/context";
import { Button, EmptyState } from "@/ui/basics";
import { ToastProvider } from "@/ui/toasts";

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      refetchOnWindowFocus: true,
      // What was refused is refused again; a server that is starting answers in a moment.
      retry: (count, error) =>
        count < 2 && (!(error instanceof ApiError) || error.status === 0 || error.status >= 500),
    },
  },
});

function NotFound() {
  const { t } = useTranslation();
  return (
    <EmptyState title={t("error.notFound")}>
      <Link to="/">{t("error.home")}</Link>
    </EmptyState>
  );
}

function Guarded({ page, Shown }: { page: PageEntry; Shown: ComponentType }) {
  const { may } = useSession();
  return page.scope && !may(page.scope) ? <NotFound /> : <Shown />;
}

const router = createBrowserRouter([
  {
    element: <Layout />,
    children: [
      ...PAGES.map((page) => ({
        path: page.path,
        element: <Guarded page={page} Shown={lazy(page.load)} />,
      })),
      { path: "*", element: <NotFound /> },
    ],
  },
]);

if ("serviceWorker" in navigator) {
  // A notification was clicked on, and the service worker brought this window to the front.
  navigator.serviceWorker.addEventListener("message", ({ data }) => {
    const path = goneTo(data, location.origin);
    if (path) void router.navigate(path);
  });
}

function Unreachable({ again }: { again: () => void }) {
  const { t } = useTranslation();
  return (
    <main className="sign-in">
      <EmptyState title={t("server.gone")}>
        <span>{t("server.goneHint")}</span>
        <Button onClick={again}>{t("server.again")}</Button>
      </EmptyState>
    </main>
  );
}

function Waiting() {
  const { t } = useTranslation();
  return (
    <main className="sign-in">
      <p role="status">{t("server.waiting")}</p>
    </main>
  );
}

const NewPassword = lazy(() => import("@/pages/settings/new-password"));

/** A temporary password gives nothing but the right to choose another one. */
function Ready({ children }: { children: ReactNode }) {
  const { me } = useSession();
  if (!me.must_change_password) return children;
  return (
    <ToastProvider>
      <Suspense fallback={<Waiting />}>
        <NewPassword />
      </Suspense>
    </ToastProvider>
  );
}

export function App() {
  return (
    <QueryClientProvider client={queries}>
      <SessionProvider
        waiting={<Waiting />}
        signIn={<SignIn />}
        unreachable={(_, again) => <Unreachable again={again} />}
      >
        <Ready>
          <SiteChoice>
            {(site) => (
              <StreamProvider site={site}>
                <ToastProvider>
                  <CommandsProvider>
                    <RouterProvider router={router} />
                  </CommandsProvider>
                </ToastProvider>
              </StreamProvider>
            )}
          </SiteChoice>
        </Ready>
      </SessionProvider>
    </QueryClientProvider>
  );
}
