import { afterEach, beforeEach, expect, test } from "vitest";
import { OutputError } from "../../src/cni/output-error.ts";
import { COMMANDS } from "../../src/cnictl/commands.ts";
import { makeStage, SOURCE, type Stage } from "./stage.ts";

let stage: Stage;

beforeEach(() => {
  stage = makeStage();
});
afterEach(() => stage.dispose());

const USAGE = `Usage: cnictl <command> [arguments]

  add         Attaches a network namespace to a network
  check       Checks that an attachment is unchanged since add
  del         Detaches a network namespace from a network
  gc          Removes what is left of attachments whose namespace is gone
  status      Checks whether containers can be attached to a network
  validate    Checks network lists: keys, values, plugins, and what they share
  schema      Prints the JSON Schema of network lists, for editors
  install     Installs the plugins
  uninstall   Uninstalls the plugins
  version     Prints the version of cnictl and of every plugin
  completion  Prints the script by which a shell completes arguments

\`cnictl help <command>\` prints its options; \`cnictl --version\` prints the version.
`;

const VERSION = "cnictl v1.2.3\nBuilt from commit abc123def456 of 2026-01-02\n";

test.each([[["--help"]], [["-h"]], [["help"]], [["help", "help"]], [[]]])(
  "cnictl %j prints its version and the usage",
  (args) => {
    expect(stage.cnictl(args)).toEqual({ code: 0, out: `${VERSION}\n${USAGE}`, err: "" });
  },
);

test("cnictl --version prints the version and the commit, if it knows it", () => {
  for (const word of ["-v", "-V"]) expect(stage.cnictl([word])).toEqual({ code: 0, out: VERSION, err: "" });
  expect(stage.cnictl(["--version"])).toEqual({ code: 0, out: VERSION, err: "" });
  const build = { ...SOURCE, version: "1.2.3", names: [], executable: "", commit: "", date: "" };
  expect(stage.cnictl(["--version"], { build }).out).toBe("cnictl v1.2.3\n");
});

const LISTED = "`cnictl help` lists the commands";

test.each([
  [["attach", "x"], 'cnictl: unknown command "attach"; did you mean "add"?'],
  [["rm", "x"], 'cnictl: unknown command "rm"; did you mean "del"?'],
  [["backup"], 'cnictl: unknown command "backup"'],
  [["ADD"], 'cnictl: unknown command "ADD"; did you mean "add"?'],
  [["stats"], 'cnictl: unknown command "stats"; did you mean "status"?'],
  [["help", "dell"], 'cnictl: unknown command "dell"; did you mean "del"?'],
  [["--hlep"], 'cnictl: unknown option "--hlep": options follow the command'],
])("cnictl %j is answered with the nearest command on standard error, exit 2", (args, message) => {
  expect(stage.cnictl(args)).toEqual({ code: 2, out: "", err: `${message}\n\n${LISTED}\n` });
});

test("with --json, wrong usage is an object on standard output", () => {
  const { code, out, err } = stage.cnictl(["stats", "x", "--json"]);
  expect([code, err]).toEqual([2, ""]);
  const msg = 'cnictl: unknown command "stats"; did you mean "status"?';
  expect(JSON.parse(out)).toEqual({ code: 4, msg, hint: LISTED });
  expect(JSON.parse(stage.cnictl(["status", "--json"]).out)).toEqual({
    code: 4,
    msg: "cnictl status: <network> is missing",
    hint: "Usage: cnictl status <network> [<netns>] [--cache-dir DIR] [--json]",
  });
});

const TARGET = "Usage: cnictl add <network> <netns> [-i IFNAME] [--container-id ID] [--cache-dir DIR] [--json]\n";

test.each([
  [["add"], `cnictl add: <network> is missing\n\n${TARGET}`],
  [["add", "x"], `cnictl add: <netns> is missing\n\n${TARGET}`],
  [["add", "x", ""], `cnictl add: <netns> is missing\n\n${TARGET}`],
  [["add", "x", "y", "z"], `cnictl add: "z" is one operand too many\n\n${TARGET}`],
  [
    ["status"],
    "cnictl status: <network> is missing\n\nUsage: cnictl status <network> [<netns>] [--cache-dir DIR] [--json]\n",
  ],
  [
    ["install", "x"],
    'cnictl install: "x" is one operand too many\n\nUsage: cnictl install [--dir DIR] [--only NAMES] [--force] [--rollback] [--list FILE] [--stay]\n',
  ],
])("cnictl %j is answered with what is wrong and the command's usage, exit 2", (args, err) => {
  expect(stage.cnictl(args)).toEqual({ code: 2, out: "", err });
});

test.each([
  [["add", "x", "y", "--unknown"], /^cnictl add: unknown option "--unknown"\n\nUsage: /],
  [["add", "x", "y", "--ifnam=e"], /^cnictl add: unknown option "--ifnam"; did you mean "--ifname"\?\n\nUsage: /],
  [["add", "x", "y", "-j"], /^cnictl add: unknown option "-j"\n\nUsage: /],
  [["add", "x", "y", "--ifname"], /^cnictl add: --ifname needs a value\n\nUsage: /],
  [["add", "x", "y", "-i", "-x"], /^cnictl add: -i needs a value; write --ifname=-x if it is "-x"\n\nUsage: /],
  [["add", "x", "y", "--json=1"], /^cnictl add: --json takes no value\n\nUsage: /],
])("cnictl %j is answered with what is wrong, exit 2", (args, err) => {
  const outcome = stage.cnictl(args);
  expect(outcome.code).toBe(2);
  expect(outcome.err).toMatch(err);
});

test.each([
  [["help"]],
  [["help", "add"]],
  [["version", "--json"]],
  [["add", "nope", "y", "--json"]],
  [["nope", "--json"]],
])("cnictl %j into a full disk says so, exit 1", (args) => {
  const writeOut = () => {
    throw new OutputError(new Error("ENOSPC: no space left on device"));
  };
  const err = "cnictl: error writing to stdout: ENOSPC: no space left on device\n";
  expect(stage.cnictl(args, { writeOut })).toEqual({ code: 1, out: "", err });
});

test.each(COMMANDS.map(({ name }) => name))("cnictl %s --help prints its help and does nothing", (command) => {
  const help = stage.cnictl([command, "x", "/run/netns/blue", "--help"], {}, COMMANDS);
  expect([help.code, help.err]).toEqual([0, ""]);
  expect(stage.cnictl(["help", command], {}, COMMANDS)).toEqual(help);
  expect(help.out.split("\n")[0]).toMatch(new RegExp(`^Usage: cnictl ${command}( |$)`));
  expect(Math.max(...help.out.split("\n").map((line) => line.length))).toBeLessThanOrEqual(104);
  expect(stage.calls).toEqual([]);
});

test("help has a line for each option, and for each variable that the command reads", () => {
  expect(stage.cnictl(["help", "add"]).out).toBe(`${TARGET}
Attaches a network namespace to a network.

Runs ADD of each plugin of the network in order and prints the result: as text on a terminal,
as JSON into a pipe or with --json. If a plugin fails, what the plugins before it made stays
until \`cnictl del\`. If a plugin is missing in CNI_PATH, none runs.

<netns> is a path, a name of \`ip netns\`, a PID, or the ID of a container that the cache knows.

  -i, --ifname IFNAME  interface in the namespace (default CNI_IFNAME, else eth0)
      --container-id ID
                       the container (default: made from the namespace's path, as cnitool does)
      --cache-dir DIR  where runtimes keep results (default /var/lib/cni)
      --json           print nothing but JSON, also on a terminal

Environment:
  NETCONFPATH          directory of network lists (default /etc/cni/net.d)
  CNI_PATH             plugin directories, separated by colons (default /opt/cni/bin, then cnictl's own)
  CNI_ARGS             KEY=VALUE;KEY=VALUE for the plugins
  CAP_ARGS             capability arguments, a JSON object
  CNI_IFNAME           as --ifname
`);
});

test.each(COMMANDS)(
  "the table of cnictl $name can be used: each value has a word, and only the last operand repeats",
  (command) => {
    const { operands, options } = command;
    for (const { type, value } of Object.values(options)) expect(value !== undefined).toBe(type === "string");
    expect(operands.slice(0, -1).filter(({ repeated }) => repeated)).toEqual([]);
    const needed = operands.map(({ required = false }) => required);
    expect(needed).toEqual([...needed].sort((a, b) => Number(b) - Number(a)));
  },
);
