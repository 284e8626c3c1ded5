import { describe, expect, it } from "vitest";
import type { AlertView } from "@/api/types";
import { before, EMPTY, MAX_UNRESOLVED, replace, take } from "@/stream/queue";
import { alert } from "@/testing";

const ranks = (alerts: Iterable<AlertView>) => take(EMPTY, alerts).order;

describe("the order", () => {
  it("is by rank, and by id where ranks are equal", () => {
    const found = [alert("b", { rank: 10 }), alert("a", { rank: 10 }), alert("c", { rank: 90 })];
    expect(ranks(found)).toEqual(["c", "a", "b"]);
  });

  it("is that of a full sort after any series of changes", () => {
    let queue = EMPTY;
    const truth = new Map<string, AlertView>();
    let seed = 7;
    const random = (below: number) => {
      seed = (seed * 48271) % 2147483647;
      return seed % below;
    };
    for (let step = 1; step <= 300; step += 1) {
      const batch = Array.from({ length: 1 + random(4) }, () =>
        alert(`a${random(40)}`, {
          rank: random(100),
          revision: step,
          state: random(4) === 0 ? "resolved" : "open",
        }),
      );
      for (const one of batch) {
        const known = truth.get(one.alert_id);
        if (!known || known.revision < one.revision) truth.set(one.alert_id, one);
      }
      queue = take(queue, batch);
      const expected = [...truth.values()].filter((one) => one.state !== "resolved").sort(before);
      expect(queue.order).toEqual(expected.map((one) => one.alert_id));
    }
  });
});

describe("news", () => {
  it("that is older than what is known changes nothing, not even the object", () => {
    const queue = take(EMPTY, [alert("a", { revision: 5 })]);
    expect(take(queue, [alert("a", { revision: 5, rank: 99 })])).toBe(queue);
    expect(take(queue, [alert("a", { revision: 4, rank: 99 })])).toBe(queue);
  });

  it("of a resolved alert takes it out, and an older word does not bring it back", () => {
    let queue = take(EMPTY, [alert("a", { revision: 1 })]);
    queue = take(queue, [alert("a", { revision: 3, state: "resolved" })]);
    queue = take(queue, [alert("a", { revision: 2 })]);
    expect(queue.order).toEqual([]);
    expect(take(queue, [alert("a", { revision: 4 })]).order).toEqual(["a"]);
  });

  it("leaves the state before it as it was", () => {
    const queue = take(EMPTY, [alert("a")]);
    take(queue, [alert("b")], ["a"]);
    expect(queue.order).toEqual(["a"]);
    expect([...queue.alerts.keys()]).toEqual(["a"]);
  });

  it("beyond what is kept drops the lowest, and says that there are more", () => {
    const many = Array.from({ length: MAX_UNRESOLVED + 5 }, (_, at) =>
      alert(`a${at}`, { rank: at === 3 ? 1 : 50 }),
    );
    const queue = take(EMPTY, many);
    expect(queue.order).toHaveLength(MAX_UNRESOLVED);
    expect(queue.complete).toBe(false);
    expect(queue.alerts.has("a3")).toBe(false);
  });
});

describe("a queue that was read", () => {
  it("does not undo what came while it was being read", () => {
    const read = [alert("a", { revision: 2 }), alert("b", { revision: 1 })];
    const since = [alert("a", { revision: 3, state: "resolved" }), alert("c")];
    expect(replace(read, since, true, true).order).toEqual(["b", "c"]);
  });

  it("forgets what is in neither", () => {
    expect(replace([alert("b")], [], false, false)).toMatchObject({
      order: ["b"],
      complete: false,
      history: false,
    });
  });
});
