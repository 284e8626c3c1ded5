import { describe, expect, it } from "vitest";
import { goneTo, goTo, noticeOf, pathOf } from "@/push/notice";

const HERE = "https://w.example.org";

describe("pathOf", () => {
  it.each([
    ["/alerts/a-1", "/alerts/a-1"],
    ["/alerts/a%2F1?x=1", "/alerts/a%2F1?x=1"],
    [`${HERE}/?alert=a-1`, "/?alert=a-1"],
    // Another origin, however it is written.
    ["https://evil.example/alerts/a-1", "/"],
    ["//evil.example/x", "/"],
    ["\\\\evil.example/x", "/"],
    ["http://w.example.org/x", "/"],
    ["javascript:alert(1)", "/"],
    ["data:text/html,x", "/"],
    ["", "/"],
    [`/${"x".repeat(600)}`, "/"],
    [7, "/"],
    [null, "/"],
  ])("%s is %s", (url, path) => expect(pathOf(url, HERE)).toBe(path));
});

describe("noticeOf", () => {
  it("shows what was pushed, and nothing else of it", () => {
    const told = {
      title: "High: person",
      body: "at Gate",
      tag: "n-1",
      url: "/alerts/a",
      icon: "x",
    };
    expect(noticeOf(JSON.stringify(told), HERE)).toEqual({
      title: "High: person",
      body: "at Gate",
      tag: "n-1",
      path: "/alerts/a",
    });
  });
  it.each([
    [null],
    [""],
    ["no json"],
    ["7"],
    ["null"],
    ["[]"],
    ['{"title": 7, "body": {}}'],
    ["{}"],
  ])("shows something for %s", (text) => {
    const notice = noticeOf(text, HERE, ["de-AT"]);
    expect(notice).toEqual({
      title: "Watchfloor",
      body: "In der Liste ist etwas Neues.",
      tag: "watchfloor",
      path: "/",
    });
    expect(noticeOf(text, HERE, ["fr"]).body).toBe("There is something new in the queue.");
  });
  it("bounds what it shows", () => {
    const long = "x".repeat(100_000);
    const notice = noticeOf(
      JSON.stringify({ title: long, body: long, tag: long, url: long }),
      HERE,
    );
    expect([notice.title.length, notice.body.length, notice.tag.length, notice.path]).toEqual([
      200,
      1000,
      100,
      "/",
    ]);
  });
});

describe("a message of the worker", () => {
  it.each([
    [goTo("/alerts/a-1"), "/alerts/a-1"],
    [goTo("https://evil.example/"), "/"],
    [{ kind: "other", path: "/x" }, null],
    ["go", null],
    [null, null],
  ])("%j goes to %s", (message, path) => expect(goneTo(message, HERE)).toBe(path));
});
