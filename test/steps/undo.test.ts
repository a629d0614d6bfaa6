import { describe, expect, it } from "vitest";
import { CniError } from "../../src/cni/error.ts";
import { NetlinkError } from "../../src/netlink/acknowledgement.ts";
import { LinuxError } from "../../src/platform/errno.ts";
import { changeOwing, failuresOf, runAll, undoOnError } from "../../src/steps/undo.ts";

describe("undoOnError", () => {
  it("takes nothing back when the work succeeds", () => {
    const seen: string[] = [];
    const value = undoOnError(
      () => {},
      (defer) => {
        defer(() => seen.push("undone"));
        return 7;
      },
    );
    expect(value).toBe(7);
    expect(seen).toEqual([]);
  });

  it("takes back newest first, past a reversal that fails, and lets the error go on", () => {
    const seen: string[] = [];
    const logged: string[] = [];
    const failing = () =>
      undoOnError(
        (line) => logged.push(line),
        (defer) => {
          defer(() => seen.push("first"));
          defer(() => {
            throw new Error("Cannot delete link");
          });
          defer(() => seen.push("third"));
          throw new Error("the cause");
        },
      );
    expect(failing).toThrow("the cause");
    expect(seen).toEqual(["third", "first"]);
    expect(logged).toEqual(["Cannot undo: Cannot delete link"]);
  });
});

describe("failuresOf", () => {
  it("runs every step and returns the errors of those that failed, in order", () => {
    const seen: number[] = [];
    const [one, two] = [new Error("one"), new Error("two")];
    const failing = (error: Error) => () => {
      throw error;
    };
    expect(failuresOf([failing(one), () => seen.push(1), failing(two)])).toEqual([one, two]);
    expect(seen).toEqual([1]);
  });

  it("returns nothing if every step succeeds", () => {
    expect(failuresOf([() => {}])).toEqual([]);
  });
});

describe("runAll", () => {
  it("runs every step and throws the only error as it is", () => {
    const seen: number[] = [];
    const error = new Error("one");
    const failing = () => {
      throw error;
    };
    expect(() => runAll([() => seen.push(1), failing, () => seen.push(2)])).toThrow(error);
    expect(seen).toEqual([1, 2]);
  });

  it("throws several errors together", () => {
    const failing = (text: string) => () => {
      throw new Error(text);
    };
    try {
      runAll([failing("a"), failing("b")]);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(AggregateError);
      expect(error instanceof AggregateError && error.errors.map(String)).toEqual(["Error: a", "Error: b"]);
    }
  });
});

describe("changeOwing", () => {
  /** What is taken back when a call fails after, or in, that change. */
  function undone(change: () => unknown): readonly string[] {
    const seen: string[] = [];
    const failing = () =>
      undoOnError(
        () => {},
        (defer) => {
          changeOwing(defer, () => seen.push("undone"), change);
          throw new Error("a later step");
        },
      );
    expect(failing).toThrow();
    return seen;
  }

  const throwing = (error: Error) => () => {
    throw error;
  };

  it("takes back what was made, also where the kernel's answer was lost", () => {
    expect(undone(() => undefined)).toEqual(["undone"]);
    expect(undone(() => true)).toEqual(["undone"]);
    const lost = new LinuxError("receive from a socket", { syscall: "recvfrom", errno: 105 });
    expect(undone(throwing(lost))).toEqual(["undone"]);
    expect(undone(throwing(new RangeError("Cannot decode an acknowledgement")))).toEqual(["undone"]);
  });

  it("takes back nothing that was refused or that was there", () => {
    expect(undone(throwing(new NetlinkError("add a link", { errno: 17 })))).toEqual([]);
    expect(undone(throwing(new CniError("portConflict", "Cannot map")))).toEqual([]);
    expect(undone(() => false)).toEqual([]);
  });
});
