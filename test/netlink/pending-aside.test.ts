import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type Aside, sendAside } from "../../src/linux/aside.ts";
import type { Message } from "../../src/netlink/message.ts";
import { begin } from "../../src/netlink/pending.ts";

vi.mock("../../src/linux/aside.ts", () => ({ sendAside: vi.fn() }));

const ANSWER: readonly Message[] = [];
const bytes = Uint8Array.of(1);
let now = 0;
let released = 0;

beforeEach(() => {
  [now, released] = [0, 0];
  vi.spyOn(performance, "now").mockImplementation(() => now);
});

afterEach(() => void vi.restoreAllMocks());

/** A sender that is not this process. */
const aside = (more: Partial<Aside> = {}): Aside => ({
  outlives: true,
  hasEnded: () => false,
  release: () => void released++,
  ...more,
});

/** What begin() does with a socket that has the answer after so many milliseconds, and after so many looks in vain. */
function start(sender: Aside | undefined, { at = Infinity, looks = 0 } = {}) {
  vi.mocked(sendAside).mockReturnValue(sender);
  const log: string[] = [];
  let left = looks;
  const receive = (deadline: number) => {
    log.push(`receive ${deadline - now}`);
    const isThere = at <= Math.max(now, deadline) && left-- <= 0;
    now = isThere ? Math.max(now, at) : Math.max(now, deadline);
    return isThere ? ANSWER : undefined;
  };
  const exchange = {
    fd: 7,
    send: () => void log.push("send"),
    receive,
    collect: (first?: readonly Message[]) => void log.push(first === ANSWER ? "collect" : "collect from now on"),
  };
  return { log, ...begin({ bytes, held: 9 }, exchange) };
}

describe("begin()", () => {
  test("has the bytes sent from elsewhere, with what stays open until then", () => {
    const { log } = start(aside());
    expect(sendAside).toHaveBeenLastCalledWith(7, bytes, 9);
    expect(log).toEqual([]);
  });

  test("sends by itself where nobody else can", () => {
    const pending = start(undefined, { at: 0 });
    expect(pending.log).toEqual(["send"]);
    expect(pending.isAnswered(5)).toBe(true);
    expect(pending.log).toEqual(["send", "receive 5", "collect"]);
  });
});

describe("isAnswered()", () => {
  test("waits no longer than it is told, and reads the answer once", () => {
    const { log, isAnswered } = start(aside(), { at: 12 });
    expect([isAnswered(5), now, released]).toEqual([false, 5, 0]);
    expect([isAnswered(50), now, released]).toEqual([true, 12, 1]);
    expect([isAnswered(50), now, released]).toEqual([true, 12, 1]);
    expect(log).toEqual(["receive 5", "receive 50", "collect"]);
  });

  test("sends again what a sender that was killed has not sent", () => {
    const { log, isAnswered } = start(aside({ hasEnded: () => true }), { at: 8 });
    expect(isAnswered(5)).toBe(true);
    expect(log).toEqual(["receive 5", "receive -5", "send", "receive 5", "collect"]);
  });

  test("takes an answer that came just before the sender ended, and sends nothing again", () => {
    const { log, isAnswered } = start(aside({ hasEnded: () => true }), { at: 0, looks: 1 });
    expect(isAnswered(5)).toBe(true);
    expect(log).toEqual(["receive 5", "receive -5", "collect"]);
  });

  test("gives up the sender also where the answer is a refusal", () => {
    const { isAnswered } = start(aside(), { at: 0 });
    const failure = new Error("refused");
    const refusing = begin(
      { bytes, held: undefined },
      {
        fd: 7,
        send: () => {},
        receive: () => ANSWER,
        collect: () => {
          throw failure;
        },
      },
    );
    expect(() => refusing.isAnswered(5)).toThrow(failure);
    expect([released, refusing.isAnswered(5), isAnswered(5)]).toEqual([1, true, true]);
  });
});

describe("finish()", () => {
  test("looks for the answer again and again, and so whether the sender has ended", () => {
    const { log, finish } = start(aside(), { at: 250 });
    finish();
    expect(log).toEqual(["receive 100", "receive 100", "receive 100", "collect"]);
    expect([now, released]).toEqual([250, 1]);
  });

  test("leaves it to the socket to say after a minute that there is no answer", () => {
    const { log, finish } = start(aside());
    finish();
    expect(log.at(-1)).toBe("collect from now on");
    expect([now, released]).toEqual([60_100, 1]);
  });
});

describe("leave()", () => {
  test("does not wait where the sender goes on without this process", () => {
    const { log, leave, finish } = start(aside());
    leave();
    finish();
    expect([log, released]).toEqual([[], 1]);
  });

  test.each([undefined, aside({ outlives: false })])("waits where it would end with it", (sender) => {
    const { log, leave } = start(sender, { at: 0 });
    leave();
    expect(log.at(-1)).toBe("collect");
  });
});
