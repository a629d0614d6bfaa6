import { afterEach, beforeEach, expect, test } from "vitest";
import { makeStage, type Stage } from "./stage.ts";

let stage: Stage;

beforeEach(() => {
  stage = makeStage();
});
afterEach(() => stage.dispose());

const USAGE = `Usage: cnictl <command> [arguments]

  add        Attaches a network namespace to a network
  check      Checks that an attachment is unchanged since add
  del        Detaches a network namespace from a network
  gc         Removes what is left of attachments whose namespace is gone
  status     Checks whether containers can be attached to a network
  install    Installs the plugins
  uninstall  Uninstalls the plugins

\`cnictl <command> --help\` prints its options; \`cnictl --version\` prints the version.
`;

test.each([[["--help"]], [["-h"]], [["help"]], [[]]])("cnictl %j prints its version and the usage", (args) => {
  expect(stage.cnictl(args)).toEqual({ code: 0, out: `cnictl v1.2.3\n\n${USAGE}`, err: "" });
});

test("cnictl --version prints the version", () => {
  expect(stage.cnictl(["--version"])).toEqual({ code: 0, out: "cnictl v1.2.3\n", err: "" });
});

test.each([
  [["attach", "x"], 'cnictl: unknown command "attach"'],
  [["ADD"], 'cnictl: unknown command "ADD"'],
])("cnictl %j is answered with the usage on standard error, exit 2", (args, message) => {
  expect(stage.cnictl(args)).toEqual({ code: 2, out: "", err: `${message}\n\n${USAGE}` });
});

const TARGET = "Usage: cnictl add <network> <netns> [-i IFNAME] [--container-id ID] [--cache-dir DIR] [--json]\n";

test.each([
  [["add"], `cnictl add: <network> is missing\n\n${TARGET}`],
  [["add", "x"], `cnictl add: <netns> is missing\n\n${TARGET}`],
  [["add", "x", ""], `cnictl add: <netns> is missing\n\n${TARGET}`],
  [["add", "x", "y", "z"], `cnictl add: "z" is one operand too many\n\n${TARGET}`],
  [["status"], "cnictl status: <network> is missing\n\nUsage: cnictl status <network> [<netns>] [--json]\n"],
  [["install", "x"], 'cnictl install: "x" is one operand too many\n\nUsage: cnictl install [--dir DIR] [--force]\n'],
])("cnictl %j is answered with what is wrong and the command's usage, exit 2", (args, err) => {
  expect(stage.cnictl(args)).toEqual({ code: 2, out: "", err });
});

test.each([
  [["add", "x", "y", "--unknown"], /^cnictl add: Unknown option '--unknown'/],
  [["add", "x", "y", "--ifname"], /^cnictl add: Option '-i, --ifname <value>' argument missing\n\nUsage: /],
  [["add", "x", "y", "--json=1"], /^cnictl add: Option '--json' does not take an argument\n\nUsage: /],
])("cnictl %j is answered with what is wrong, exit 2", (args, err) => {
  const outcome = stage.cnictl(args);
  expect(outcome.code).toBe(2);
  expect(outcome.err).toMatch(err);
});

test("cnictl <command> --help prints its help and does nothing", () => {
  for (const command of ["add", "check", "del", "gc", "status", "install", "uninstall"]) {
    const { code, out, err } = stage.cnictl([command, "x", "/run/netns/blue", "--help"]);
    expect([code, err]).toEqual([0, ""]);
    expect(out.split("\n")[0]).toMatch(new RegExp(`^Usage: cnictl ${command} `));
    expect(Math.max(...out.split("\n").map((line) => line.length))).toBeLessThanOrEqual(100);
  }
  expect(stage.calls).toEqual([]);
});
