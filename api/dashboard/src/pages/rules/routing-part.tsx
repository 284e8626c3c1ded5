/** Who is told what: the route tree, and what stands beside it. */
import { type KeyboardEvent, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button, ErrorState, Loading } from "@/ui/basics";
import { type DocumentProblem, type Route, type RoutingDocument, under } from "./document";
import { RouteForm } from "./route-form";
import {
  added,
  moved,
  type Place,
  pathOf,
  type Row,
  receiverOf,
  removed,
  routeAt,
  rows,
  withRoute,
} from "./routes";
import { Beside } from "./routing-lists";
import { useTrial } from "./trial";
import { TrialPanel } from "./trial-panel";
import type { May, Work } from "./work";
import { WorkBar } from "./work-bar";

interface Props {
  work: Work<RoutingDocument>;
  may: May;
}

const id = (place: Place) => `route-${place.join("-") || "root"}`;

export function RoutingPart({ work, may }: Props) {
  const { t } = useTranslation("rules");
  const tried = useTrial();
  const [picked, setPicked] = useState<Place>([]);
  const { draft, error } = work;
  if (error && !draft) return <ErrorState error={error} />;
  if (!draft) return <Loading />;
  const document = draft.document;
  const root: Route = document.route ?? {};
  const place = routeAt(root, picked) ? picked : [];
  const route = routeAt(root, place) ?? root;
  const problems = work.check?.problems ?? [];
  const put = (made: Route, at: Place = place) => {
    work.act({ do: "change", document: { ...document, route: made } });
    setPicked(at);
  };
  return (
    <>
      <div className="rules-split-view">
        <section className="panel rules-left" aria-labelledby="rules-tree">
          <h2 id="rules-tree">{t("routes.title")}</h2>
          <p className="quiet">{t("routes.hint")}</p>
          <Tree
            root={root}
            picked={place}
            pick={setPicked}
            problems={problems}
            move={(at, by) => may.draft && put(...moved(root, at, by))}
            remove={(at) => may.draft && at.length > 0 && put(removed(root, at), at.slice(0, -1))}
          />
          <div className="rules-row">
            <Button disabled={!may.draft} onClick={() => put(...added(root, place, {}))}>
              {t("routes.add")}
            </Button>
            <Button
              disabled={!may.draft || !place.length}
              onClick={() => put(...moved(root, place, -1))}
            >
              {t("routes.up")}
            </Button>
            <Button
              disabled={!may.draft || !place.length}
              onClick={() => put(...moved(root, place, 1))}
            >
              {t("routes.down")}
            </Button>
            <Button
              kind="danger"
              disabled={!may.draft || !place.length}
              onClick={() => put(removed(root, place), place.slice(0, -1))}
            >
              {t("routes.remove")}
            </Button>
          </div>
        </section>
        <RouteForm
          key={id(place)}
          route={route}
          inherited={receiverOf(root, place.slice(0, -1))}
          root={place.length === 0}
          receivers={(document.receivers ?? []).map((one) => one.name)}
          problems={own(problems, place)}
          readOnly={!may.draft}
          change={(made) => put(withRoute(root, place, () => made))}
        />
      </div>
      <Beside
        document={document}
        problems={problems}
        readOnly={!may.draft}
        change={(made) => work.act({ do: "change", document: made })}
      />
      {may.try ? (
        <TrialPanel
          tried={tried}
          old={tried.version !== null && tried.version !== draft.version}
          disabled={!work.changed || work.check?.ok === false}
          site={null}
          pictureOf={() => null}
          run={(days) => tried.start({ document, version: draft.version, days, now: Date.now() })}
        />
      ) : null}
      <WorkBar
        part={null}
        work={work}
        may={may}
        tried={!may.try || (tried.version === draft.version && tried.trial?.state === "done")}
      />
    </>
  );
}

/** The problems of a node itself, not of those below it. */
function own(problems: readonly DocumentProblem[], place: Place): DocumentProblem[] {
  const path = pathOf(place);
  return under(problems, ...path).filter((one) => one.path[path.length] !== "routes");
}

interface TreeProps {
  root: Route;
  picked: Place;
  pick: (place: Place) => void;
  problems: readonly DocumentProblem[];
  move: (place: Place, by: -1 | 1) => void;
  remove: (place: Place) => void;
}

function Tree({ root, picked, pick, problems, move, remove }: TreeProps) {
  const { t } = useTranslation("rules");
  const tree = useRef<HTMLDivElement>(null);
  const every = rows(root);
  const look = (place: Place) => {
    pick(place);
    tree.current?.querySelector<HTMLElement>(`#${id(place)}`)?.focus();
  };
  const keys = (event: KeyboardEvent, row: Row) => {
    const index = every.findIndex((one) => id(one.place) === id(row.place));
    const step = (by: number) => look(every[index + by]?.place ?? row.place);
    switch (event.key) {
      case "ArrowUp":
        if (event.altKey) move(row.place, -1);
        else step(-1);
        break;
      case "ArrowDown":
        if (event.altKey) move(row.place, 1);
        else step(1);
        break;
      case "ArrowLeft":
        look(row.place.slice(0, -1));
        break;
      case "ArrowRight":
        if (row.route.routes?.length) look([...row.place, 0]);
        break;
      case "Home":
        look([]);
        break;
      case "End":
        look(every.at(-1)?.place ?? []);
        break;
      case "Delete":
        remove(row.place);
        break;
      default:
        return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div role="tree" aria-label={t("routes.title")} className="rules-tree" ref={tree}>
      {every.map((row) => {
        const chosen = id(row.place) === id(picked);
        const wrong = own(problems, row.place).length > 0;
        return (
          <div
            key={id(row.place)}
            id={id(row.place)}
            role="treeitem"
            aria-level={row.depth + 1}
            aria-posinset={row.position}
            aria-setsize={row.siblings}
            aria-selected={chosen}
            tabIndex={chosen ? 0 : -1}
            style={{ marginLeft: `${row.depth * 1.4}rem` }}
            onClick={() => look(row.place)}
            onKeyDown={(event) => keys(event, row)}
          >
            <span className="rules-matchers">
              {row.route.matchers?.length
                ? row.route.matchers.join(" ")
                : t(row.depth ? "routes.every" : "routes.root")}
            </span>
            <span className="quiet">
              {" → "}
              {receiverOf(root, row.place) ?? t("routes.nobody")}
              {row.route.continue ? ` ${t("routes.goesOn")}` : ""}
            </span>
            {wrong ? <span className="refusal"> {t("routes.wrong")}</span> : null}
          </div>
        );
      })}
    </div>
  );
}
