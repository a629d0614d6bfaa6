import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { isNative, Lab, type Outcome } from "../lab.ts";
import { ControlGroup, DIRECTORIES, FILE_SYSTEMS, LIMITS, STREAMS, type Surroundings, shell } from "./surroundings.ts";
import { leaseFiles, masqueraded } from "./traces.ts";

let lab: Lab;
let netns: string;

beforeEach(() => {
  lab = new Lab();
  netns = lab.addNamespace("c1");
});

afterEach(() => lab.dispose());

/** How a call ended: 0, the code of the error object that it printed, or "silent": exit 1, where nothing can be printed. */
type Ending = number | "silent" | "killed";

/** How the calls end that do not succeed. Each of both images where they differ. */
type Endings = Readonly<Record<string, Ending>>;

const VERBS = ["VERSION", "", "STATUS", "ADD", "CHECK", "GC", "DEL"];
const all = (ending: Ending): Endings => Object.fromEntries(VERBS.map((verb) => [verb, ending]));
const { "": _, ...reading } = all(5);

/** How calls of the native image end, where not all succeed. */
const NATIVE: Readonly<Record<string, Endings>> = {
  // Both families have parameters of the kernel's to be set, or to be looked at.
  "no /proc": { ADD: 107, CHECK: 107 },
  "no folder that can be written": { ADD: 103, DEL: 103, STATUS: 50 },
  "files of 0 bytes": { ADD: 103 },
  "standard input closed": { ...reading, VERSION: 0 },
  "standard output closed": { VERSION: "silent", ADD: "silent" },
  "all three closed": { ...all("silent"), "": 0 },
  "standard output at /dev/full": { VERSION: "silent", ADD: "silent" },
  "standard output at a pipe that nobody reads": { VERSION: "silent", ADD: "silent" },
};

/** Where Node.js does not start: it crashes, or waits for ever. docs/differences.md says so. */
const TOO_LITTLE_FOR_NODE = [
  "PR_SET_MDWE",
  "64 MB of address space",
  "16 descriptors",
  "a stack of 64 KB",
  "a memory cgroup of 16 MB",
  "a pids cgroup of 2",
];

/** How calls of the image of Node.js end, where it starts. For a closed stream it opens /dev/null. */
const NODE: typeof NATIVE = {
  ...NATIVE,
  "standard input closed": { ...all(6), "": 0, VERSION: 0 },
  "standard output closed": {},
  "all three closed": { ...all("silent"), "": 0, VERSION: 0 },
};

function config(members: object = {}) {
  const ranges = [[{ subnet: "10.1.2.0/24" }], [{ subnet: "fd00:1::/64" }]];
  const ipam = { type: "host-local", dataDir: lab.dataDir, ranges };
  const bridge = { bridge: "br0", isGateway: true, ipMasq: true, removeEmptyBridge: true };
  return { cniVersion: "1.1.0", name: "net1", type: "bridge", ...bridge, ipam, ...members };
}

function traces() {
  const links = [lab.host, netns].map((place) => lab.ip("link show", place).map((link) => Object(link).ifname));
  return { links, leases: leaseFiles(lab), rules: masqueraded(lab), processes: lab.processes() };
}

function endingOf({ status, stdout, stderr }: Outcome, verb: string): Ending {
  if (status === 0) {
    // Only the text without a command is for standard error.
    if (verb !== "") expect(stderr).toBe("");
    return 0;
  }
  if (status !== 1) return "killed";
  return stdout === "" ? "silent" : JSON.parse(stdout).code;
}

/** Plays the life of an attachment in the surroundings. A step that fails there is done outside, so that the next one can be tried. */
function play(surroundings: readonly string[]): Endings {
  const before = traces();
  const run = (command: string, members: object = {}, wrapper: readonly string[] = surroundings) =>
    lab.plugin("bridge", { command, config: config(members), netns, wrapper });
  const endings: Record<string, Ending> = {};
  const tryVerb = (verb: string, members: object = {}) => {
    const outcome = run(verb, members);
    endings[verb] = endingOf(outcome, verb);
    return outcome;
  };
  for (const verb of ["VERSION", "", "STATUS"]) tryVerb(verb);
  let added = tryVerb("ADD");
  if (added.status !== 0) expect(traces()).toEqual(before);
  if (added.status === 0 && added.stdout === "") run("DEL", {}, []);
  if (added.stdout === "" || added.status !== 0) added = run("ADD", {}, []);
  const prevResult = JSON.parse(added.stdout);
  tryVerb("CHECK", { prevResult });
  tryVerb("GC", { "cni.dev/valid-attachments": [{ containerID: "c1", ifname: "eth0" }] });
  expect(run("CHECK", { prevResult }, [])).toMatchObject({ status: 0 });
  if (tryVerb("DEL", { prevResult }).status !== 0) run("DEL", { prevResult }, []);
  expect(traces()).toEqual(before);
  return endings;
}

function expectEndings(title: string, surroundings: Surroundings): void {
  const expected = { ...all(0), ...(isNative ? NATIVE : NODE)[title] };
  if (!isNative && TOO_LITTLE_FOR_NODE.includes(title)) expectNoStart(surroundings(lab));
  else expect(play(surroundings(lab))).toEqual(expected);
}

function expectNoStart(surroundings: readonly string[]): void {
  const before = traces();
  const wrapper = ["timeout", "--signal=KILL", "10", ...surroundings];
  const outcome = lab.plugin("bridge", { command: "ADD", config: config(), netns, wrapper });
  expect(endingOf(outcome, "ADD")).toBe("killed");
  expect(traces()).toEqual(before);
}

test("no file and no socket gets the number of a stream that is closed", () => {
  const log = path.join(lab.dir, "strace");
  const strace = ["strace", "-f", "-qq", "-o", log, "-e", "trace=execve,open,openat,socket"];
  const wrapper = [...strace, ...shell('exec "$@" >&- 2>&-')];
  lab.plugin("bridge", { command: "ADD", config: config(), netns, wrapper });
  const calls = fs.readFileSync(log, "utf8").split("\n");
  // Node.js's libraries are read before it has come to this.
  const begin = isNative ? /execve\(.*\/bridge"/ : /"\/dev\/null"/;
  const started = calls.findIndex((line) => begin.test(line));
  const numbered = calls.slice(started).filter((line) => / = [12]$/.test(line));
  expect(numbered.length).toBeGreaterThanOrEqual(2);
  expect(numbered.filter((line) => !/O_PATH|"\/dev\/null"/.test(line))).toEqual([]);
});

describe("every verb of bridge works, or prints an error object, and leaves nothing behind, with", () => {
  test.each(Object.entries({ ...LIMITS, ...FILE_SYSTEMS, ...STREAMS, ...DIRECTORIES }))("%s", expectEndings);

  test.each([
    ["a memory cgroup of 16 MB", "memory", 16 << 20],
    ["a pids cgroup of 2", "pids", 2],
  ] as const)("%s", (title, controller, limit) => {
    const group = new ControlGroup(controller, limit);
    try {
      expectEndings(title, group.surroundings);
    } finally {
      group.remove();
    }
  });
});
