import { describe, expect, it } from "vitest";
import { base64url, idOf } from "@/push/api";
import { labelOf, stateOf } from "@/push/device";

const ready = { state: "ready" } as const;
const mine = { gone_at: null };

describe("stateOf", () => {
  it.each([
    [{ supported: false, permission: "granted", answer: ready, mine }, "unsupported"],
    [{ supported: true, permission: "denied", answer: ready, mine }, "denied"],
    [{ supported: true, permission: "granted", answer: ready, mine }, "on"],
    // It stays told, whatever becomes of the receivers, until somebody takes it away.
    [{ supported: true, permission: "granted", answer: { state: "no-key" }, mine }, "on"],
    [{ supported: true, permission: "granted", answer: ready, mine: { gone_at: "2026" } }, "off"],
    [{ supported: true, permission: "default", answer: ready, mine: null }, "off"],
    [
      { supported: true, permission: "default", answer: { state: "no-receiver" }, mine: null },
      "no-receiver",
    ],
    [{ supported: true, permission: "default", answer: { state: "no-key" }, mine: null }, "no-key"],
  ] as const)("%j is %s", (known, state) => expect(stateOf(known)).toBe(state));
});

describe("labelOf", () => {
  it.each([
    [
      "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Mobile Safari/537.36",
      "Chrome, Android",
    ],
    [
      "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
      "Safari, iPhone",
    ],
    ["Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0", "Firefox, Linux"],
    [
      "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36 Edg/130.0",
      "Edge, Windows",
    ],
    ["", "Browser"],
  ])("%s", (agent, label) => expect(labelOf(agent)).toBe(label));
});

describe("what the server is told", () => {
  it("is named by the digest of the endpoint", async () =>
    expect(await idOf("https://p.example/s")).toBe(
      "1e5e4c9885b858025b9ccbd825852d436473b554ca902074ec55532ca033fe30",
    ));
  it("is base64url without padding", () =>
    expect(base64url(new Uint8Array([255, 254, 253, 252]).buffer)).toBe("__79_A"));
});
