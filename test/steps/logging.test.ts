import { expect, it } from "vitest";
import { ERRNO, LinuxError } from "../../src/platform/errno.ts";
import { logging } from "../../src/steps/logging.ts";

const refusal = new LinuxError("send the request", { syscall: "sendto", errno: ERRNO.ENETDOWN });

function failing(error: unknown) {
  return (): never => {
    throw error;
  };
}

it("logging() returns what the act returns, and logs nothing", () => {
  const lines: string[] = [];

  expect(logging([Error], { log: (line) => lines.push(line), what: "Cannot ask" }, () => 7)).toBe(7);
  expect(lines).toEqual([]);
});

it("logging() logs an expected error after what it was for, and returns undefined", () => {
  const lines: string[] = [];
  const log = (line: string) => lines.push(line);

  expect(logging([LinuxError], { log, what: "eth0" }, failing(refusal))).toBeUndefined();
  expect(lines).toEqual(["eth0: Cannot send the request: Network is down"]);
});

it("logging() throws any other error, and logs nothing", () => {
  const lines: string[] = [];
  const log = (line: string) => lines.push(line);
  const bug = new TypeError("a bug");

  expect(() => logging([LinuxError], { log, what: "eth0" }, failing(bug))).toThrow(bug);
  expect(lines).toEqual([]);
});
