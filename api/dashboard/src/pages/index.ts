/** The pages: a folder each, and a line here. See the README of the dashboard. */
import type { ComponentType } from "react";
import type { Scope } from "@/api/types";

export interface PageEntry {
  /** The folder under src/pages, and the namespace of its messages; `nav` there is its name. */
  name: string;
  path: string;
  /** The place in the navigation; without one it is only reached by links. */
  nav?: number;
  /** What one needs to see it. */
  scope?: Scope;
  load: () => Promise<{ default: ComponentType }>;
}

export const PAGES: readonly PageEntry[] = [
  { name: "queue", path: "/", nav: 10, scope: "alerts:read", load: () => import("./queue") },
  { name: "alert", path: "/alerts/:alertId", scope: "alerts:read", load: () => import("./alert") },
  { name: "wall", path: "/wall", nav: 20, scope: "media:read", load: () => import("./wall") },
  {
    name: "timeline",
    path: "/timeline",
    nav: 30,
    scope: "events:read",
    load: () => import("./timeline"),
  },
  { name: "map", path: "/map", nav: 40, scope: "config:read", load: () => import("./map") },
  {
    name: "devices",
    path: "/devices",
    nav: 50,
    scope: "devices:read",
    load: () => import("./devices"),
  },
  {
    name: "report",
    path: "/report",
    nav: 60,
    scope: "alerts:read",
    load: () => import("./report"),
  },
  { name: "rules", path: "/rules", nav: 70, scope: "config:read", load: () => import("./rules") },
  { name: "settings", path: "/settings", nav: 90, load: () => import("./settings") },
];
