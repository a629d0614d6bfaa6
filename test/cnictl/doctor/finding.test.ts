import { expect, test } from "vitest";
import { runChecks } from "../../../src/cnictl/doctor/examination.ts";
import { formatFindings } from "../../../src/cnictl/doctor/finding.ts";
import { ERRNO, LinuxError } from "../../../src/platform/errno.ts";
import { examinationOf } from "./examinee.ts";

test("formatFindings() has no headings without findings", () => {
  expect(formatFindings([])).toBe("");
});

test("formatFindings() aligns the columns and puts each cure below its finding", () => {
  const text = formatFindings([
    { level: "error", check: "sysctl", subject: "net.ipv4.ip_forward", message: "0", cure: "sysctl -w x=1" },
    { level: "note", check: "image", subject: "/opt", message: "Go", cure: "" },
  ]);
  expect(text).toBe(
    [
      "LEVEL  CHECK   SUBJECT              MESSAGE",
      "error  sysctl  net.ipv4.ip_forward  0",
      "  cure: sysctl -w x=1",
      "note   image   /opt                 Go",
      "",
    ].join("\n"),
  );
});

test("formatFindings() keeps a finding on one line, whatever a plugin or a file name says", () => {
  const message = "first\nsecond\x1b[2Jthird";
  expect(formatFindings([{ level: "note", check: "status", subject: "x", message, cure: "a\r\nb" }])).toBe(
    "LEVEL  CHECK   SUBJECT  MESSAGE\nnote   status  x        first; second?[2Jthird\n  cure: a; b\n",
  );
});

test("runChecks() goes on after a check that fails, and says that it cannot tell", () => {
  const denied = new LinuxError("open netns", { syscall: "open", errno: ERRNO.EPERM });
  const findings = runChecks(examinationOf([]), [
    {
      name: "one",
      run: () => {
        throw denied;
      },
    },
    { name: "two", run: () => [{ level: "ok", subject: "y", message: "fine" }] },
  ]);
  expect(findings).toEqual([
    {
      level: "warning",
      check: "one",
      subject: "one",
      message: "cannot tell: Cannot open netns: Operation not permitted",
      cure: "run it as root",
    },
    { level: "ok", check: "two", subject: "y", message: "fine", cure: "" },
  ]);
});
