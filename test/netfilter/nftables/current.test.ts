import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { discard } from "../../../src/linux/discard.ts";
import { backOff } from "../../../src/linux/wait.ts";
import { applyCurrent, tryChanges } from "../../../src/netfilter/nftables/current.ts";
import { addTable, listTables } from "../../../src/netfilter/nftables/table.ts";
import { applyTransaction } from "../../../src/netfilter/nftables/transaction.ts";
import { holdTurn } from "../../../src/netfilter/rule-locks.ts";
import { NetlinkError } from "../../../src/netlink/acknowledgement.ts";
import type { Nfnetlink } from "../../../src/netlink/socket.ts";
import { ERRNO, LinuxError } from "../../../src/platform/errno.ts";
import { FakeKernel } from "../../kernel/fake-kernel.ts";

vi.mock("../../../src/linux/discard.ts", () => ({ discard: vi.fn() }));
vi.mock("../../../src/linux/wait.ts", () => ({ backOff: vi.fn() }));
vi.mock("../../../src/netfilter/rule-locks.ts", () => ({ holdTurn: vi.fn() }));

const { ERESTART, EBUSY, EPERM } = ERRNO;

/** The descriptor of a turn. */
const TURN = 1234;

let kernel: FakeKernel;
let netlink: Nfnetlink;
let now: number;

beforeEach(() => {
  kernel = new FakeKernel();
  netlink = kernel.openNetfilter();
  now = 1000;
  vi.spyOn(performance, "now").mockImplementation(() => now);
});

afterEach(() => {
  vi.resetAllMocks();
  vi.restoreAllMocks();
});

const table = (name: string) => addTable({ family: 1, name });
const tables = () => listTables(netlink).map(({ name }) => name);
const callsOf = (mock: (...given: never[]) => unknown) => vi.mocked(mock).mock.calls.map(([first]) => first);

/** Adds a table after these refusals, one for each transaction; reading takes `took` ms. Returns the error numbers that `read` got. */
function apply(errnos: readonly number[], { took = 0 } = {}): readonly (number | undefined)[] {
  const seen: (number | undefined)[] = [];
  const left = [...errnos];
  applyCurrent(netlink, { action: "work", refusals: [EBUSY] }, (refusal) => {
    seen.push(refusal?.errno);
    now += took;
    const errno = left.shift();
    if (errno !== undefined) kernel.refuse(1, errno);
    return [table("t")];
  });
  return seen;
}

describe("applyCurrent()", () => {
  test("applies what was read, at once", () => {
    expect(apply([])).toEqual([undefined]);
    expect(tables()).toEqual(["t"]);
    expect([holdTurn, backOff, discard].flatMap(callsOf)).toEqual([]);
  });

  test("sends no transaction if nothing is to change", () => {
    applyCurrent(netlink, { action: "work" }, () => []);
    expect(kernel.log).toEqual(["host: ask for the nftables generation"]);
  });

  test("reads again if others have changed the rule set since it was read", () => {
    const others = ["first"];
    applyCurrent(netlink, { action: "work" }, () => {
      const names = tables();
      for (const name of others.splice(0)) applyTransaction(netlink, [table(name)], { action: "overtake" });
      return [table(`after ${names}`)];
    });
    expect(tables()).toEqual(["first", "after first"]);
  });

  test("waits for a turn once others have been first, keeps it, and gives it back", () => {
    vi.mocked(holdTurn).mockReturnValue(TURN);
    expect(apply([ERESTART, ERESTART, EBUSY], { took: 100 })).toEqual([undefined, ERESTART, ERESTART, EBUSY]);
    expect([callsOf(holdTurn), callsOf(backOff), callsOf(discard)]).toEqual([[59_900], [0, 0, 0], [TURN]]);
  });

  test("without a turn, pauses longer each time", () => {
    apply([ERESTART, ERESTART, ERESTART], { took: 100 });
    expect([callsOf(holdTurn), callsOf(backOff), callsOf(discard)]).toEqual([[59_900, 59_800, 59_700], [0, 1, 2], []]);
  });

  test("needs no turn to read again after another refusal that is expected", () => {
    expect(apply([EBUSY, EBUSY])).toEqual([undefined, EBUSY, EBUSY]);
    expect([callsOf(holdTurn), callsOf(backOff)]).toEqual([[], [0, 1]]);
  });

  test("throws any other refusal, and gives its turn back", () => {
    vi.mocked(holdTurn).mockReturnValue(TURN);
    expect(() => apply([ERESTART, EPERM])).toThrow("Cannot add nftables table t: Operation not permitted");
    expect(callsOf(discard)).toEqual([TURN]);
  });

  test("gives up after 60 seconds", () => {
    const cause = expect.objectContaining({ errno: ERESTART });
    const message = expect.stringMatching(/^Cannot work: .* by others all through 60 seconds/);
    const error = { code: "EAGAIN", syscall: "netlink", message, cause };
    const errnos = Array.from({ length: 9 }, () => ERESTART);
    expect(() => apply(errnos, { took: 20_000 })).toThrow(expect.objectContaining(error));
    expect(callsOf(holdTurn)).toEqual([40_000, 20_000, 0]);
  });
});

describe("tryChanges()", () => {
  const throwing = (error: Error) => () =>
    tryChanges(() => {
      throw error;
    }, [EBUSY, ERESTART]);

  test("returns the kernel's refusal if it is expected, and nothing on success", () => {
    const refusal = new NetlinkError("work", { errno: ERESTART });
    expect(throwing(refusal)()).toBe(refusal);
    expect(tryChanges(() => {}, [EBUSY])).toBeUndefined();
  });

  test.each([
    new NetlinkError("work", { errno: EPERM }),
    new LinuxError("work", { syscall: "sendto", errno: EBUSY }),
    new Error("a mistake"),
  ])("throws %s, which is none of them", (error) => {
    expect(throwing(error)).toThrow(error);
  });
});
