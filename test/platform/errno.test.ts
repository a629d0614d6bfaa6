import fs from "node:fs";
import { expect, test } from "vitest";
import {
  asLinuxError,
  errnoName,
  errnoOf,
  errnoText,
  isLasting,
  isPassing,
  LinuxError,
} from "../../src/platform/errno.ts";

test("errnoName() and errnoText() know a number as C does", () => {
  expect([errnoName(2), errnoText(2)]).toEqual(["ENOENT", "No such file or directory"]);
  expect([errnoName(54), errnoText(54)]).toEqual(["EXFULL", "Exchange full"]);
});

test("errnoName() and errnoText() keep a number that they do not know", () => {
  expect([errnoName(523), errnoText(523)]).toEqual(["E523", "Error 523"]);
});

test("errnoOf() reads the number from an error of node:fs", () => {
  const open = () => fs.openSync("/nonexistent", "r");

  expect(open).toThrow(expect.toSatisfy((error) => errnoOf(error) === 2));
});

test("errnoOf() is undefined for any other error", () => {
  expect(errnoOf(new Error("x"))).toBeUndefined();
  expect(errnoOf("ENOENT")).toBeUndefined();
});

test("LinuxError says what was not possible and why, and keeps its cause", () => {
  const cause = new Error("below");

  expect(new LinuxError('open netns "/x"', { syscall: "open", errno: 13, cause })).toMatchObject({
    name: "LinuxError",
    message: 'Cannot open netns "/x": Permission denied',
    syscall: "open",
    errno: 13,
    code: "EACCES",
    cause,
  });
});

test("LinuxError gives a reason of ours in place of the kernel's", () => {
  const error = new LinuxError("run it", { syscall: "poll", errno: 110, reason: "it did not end" });

  expect(error).toMatchObject({ message: "Cannot run it: it did not end", code: "ETIMEDOUT" });
});

test("isPassing() knows errors that may not occur again, isLasting() all others", () => {
  const busy = new LinuxError("read it", { syscall: "read", errno: 4 });
  const missing = new LinuxError("read it", { syscall: "open", errno: 2 });

  expect([busy, missing, new Error("a bug")].map(isPassing)).toEqual([true, false, false]);
  expect([busy, missing, new Error("a bug")].map(isLasting)).toEqual([false, true, true]);
});

test("asLinuxError() says what an error of node:fs was about", () => {
  const read = () => asLinuxError("read the record", () => fs.readFileSync("/nonexistent"));

  expect(read).toThrow(
    expect.objectContaining({ name: "LinuxError", message: "Cannot read the record: No such file or directory" }),
  );
});

test("asLinuxError() passes on any other error", () => {
  const bug = new TypeError("a bug");
  const fail = () =>
    asLinuxError("read it", () => {
      throw bug;
    });

  expect(fail).toThrow(bug);
});
