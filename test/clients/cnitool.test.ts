import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { Caller, jsonOf } from "../caller.ts";
import { binDir } from "../lab.ts";
import { referenceDir } from "../parity/reference.ts";

let caller: Caller;
let netns: string;
let cnitoolFile: string;

beforeAll(() => {
  cnitoolFile = path.join(referenceDir(), "cnitool");
}, 300_000);
beforeEach(() => {
  caller = new Caller();
  netns = caller.lab.addNamespace("c1");
});
afterEach(() => caller.dispose());

const quiet = { status: 0, stdout: "", stderr: "" };

function cnitool(command: string, network: string, variables = {}) {
  return caller.run([cnitoolFile, command, network, netns], variables);
}

function cnictl(command: string, network: string, ...args: string[]) {
  return caller.cnictl([command, network, netns, ...args]);
}

/** Runs cnitool under strace; returns how it ended and the executables below it that the kernel started, in order. */
function traced(command: string, network: string, variables = {}) {
  const log = path.join(caller.lab.dir, "strace");
  const strace = ["strace", "-f", "-qq", "-e", "trace=execve", "-e", "signal=none", "-o", log];
  const outcome = caller.run([...strace, cnitoolFile, command, network, netns], variables);
  const lines = fs.readFileSync(log, "utf8").split("\n");
  const started = lines.flatMap((line) => /execve\("([^"]+)".*= 0$/.exec(line)?.[1] ?? []);
  return { outcome, started: started.filter((file) => file !== cnitoolFile) };
}

/** What cnictl writes before the code and the next step, which only it has. */
function withoutAdvice(stderr: string): string {
  const [text = "", advice] = stderr.split(/(?<=\n)(?= {2}code: )/);
  expect(advice).toMatch(/^ {2}code: \d+ .*\n( {2}next: .*\n)?$/);
  return text;
}

/** Links, addresses, leases and results that are there. */
function traces() {
  const leases = caller.files("networks/bridge").filter((name) => /^[0-9]/.test(name));
  return { links: caller.lab.ip("link show type veth").length, leases, results: caller.files("results").length };
}

const gone = { links: 0, leases: [], results: 0 };

/** Where host-local is the image that bridge is, bridge serves it; a copy of it is another file, and started. */
test.each(["link", "copy"])(
  "cnitool adds, checks, asks for status and deletes through our executables, and no others: host-local a %s",
  (kind) => {
    const CNI_PATH = kind === "copy" ? caller.lab.pathWithCopy("host-local") : binDir;
    const [folder = ""] = CNI_PATH.split(":");
    const [bridge = "", portmap = ""] = ["bridge", "portmap"].map((name) => path.join(binDir, name));
    const interfaceAndIpam = kind === "copy" ? [bridge, path.join(folder, "host-local")] : [bridge];
    const all = [...interfaceAndIpam, portmap];
    const added = traced("add", "bridge", { CNI_PATH });
    expect(jsonOf(added.outcome)).toMatchObject({ cniVersion: "1.1.0", ips: [{ address: "10.88.0.2/16" }] });
    expect(added.started).toEqual(all);
    caller.lab.run(["ping", "-c1", "-W10", "-q", "10.88.0.1"], netns);
    for (const command of ["check", "status", "del"]) {
      const { outcome, started } = traced(command, "bridge", { CNI_PATH });
      expect(outcome).toMatchObject(quiet);
      // STATUS need not go further than bridge.
      const expected = command === "del" ? [portmap, ...interfaceAndIpam] : all;
      expect(started).toEqual(command === "status" ? expect.arrayContaining([bridge]) : expected);
      expect(started.every((file) => all.includes(file))).toBe(true);
    }
    expect(traces()).toEqual(gone);
  },
);

test("cnitool collects garbage through our executables: every attachment, then GC", () => {
  jsonOf(cnitool("add", "bridge"));
  const { outcome, started } = traced("gc", "bridge");
  expect(outcome).toMatchObject(quiet);
  expect(started.length).toBeGreaterThan(1);
  expect(new Set(started)).toEqual(new Set(["bridge", "portmap"].map((name) => path.join(binDir, name))));
  expect(traces()).toEqual(gone);
});

test.each(["bridge", "dual-stack", "layer2"])("what cnictl added to %s, cnitool checks and deletes", (network) => {
  jsonOf(cnictl("add", network));
  expect(cnitool("check", network)).toMatchObject(quiet);
  expect(cnitool("del", network)).toMatchObject(quiet);
  expect(traces()).toEqual(gone);
});

test.each(["bridge", "dual-stack", "layer2"])("what cnitool added to %s, cnictl checks and deletes", (network) => {
  jsonOf(cnitool("add", network));
  expect(cnictl("check", network)).toMatchObject(quiet);
  expect(cnictl("del", network)).toMatchObject(quiet);
  expect(traces()).toEqual(gone);
});

test("the oldest published style: what one adds the other deletes", () => {
  const network = "rkt.kubernetes.io";
  jsonOf(cnictl("add", network));
  expect(cnitool("del", network)).toMatchObject(quiet);
  jsonOf(cnitool("add", network));
  expect(cnictl("del", network)).toMatchObject(quiet);
  expect(traces()).toEqual(gone);
});

test("cnictl prints and caches what cnitool prints and caches", () => {
  const variables = { CNI_ARGS: "IgnoreUnknown=1;K8S_POD_NAME=p", CAP_ARGS: '{"zz":{"b":1,"a":[1.50,"<"]},"mac":"x"}' };
  const made = [cnitoolFile, path.join(binDir, "cnictl")].map((program) => {
    const { stdout } = caller.run([program, "add", "bridge", netns], variables);
    const cached = caller.result();
    caller.run([program, "del", "bridge", netns], variables);
    return [stdout, cached].map((text) =>
      text.replace(/"veth[0-9a-f]{8}"|"([0-9a-f]{2}:){5}[0-9a-f]{2}"|10\.88\.0\.\d+\/16/g, "X"),
    );
  });
  expect(made[1]).toEqual(made[0]);
  expect(made[0]?.[1]).toContain('"capabilityArgs"');
});

test.each([
  ["add", "nothing", "name"],
  ["check", "rkt.kubernetes.io", "CHECK"],
])("cnictl %s %s fails in cnitool's words", (command, network, word) => {
  const [theirs, ours] = [cnitool(command, network), cnictl(command, network)];
  expect(theirs.stderr).toContain(word);
  expect([ours.status, ours.stdout, withoutAdvice(ours.stderr)]).toEqual([theirs.status, theirs.stdout, theirs.stderr]);
});

test("a plugin's failure is told in cnitool's words", () => {
  jsonOf(cnitool("add", "bridge"));
  const [theirs, ours] = [cnitool("add", "bridge"), cnictl("add", "bridge")];
  expect([ours.status, ours.stdout, withoutAdvice(ours.stderr)]).toEqual([theirs.status, theirs.stdout, theirs.stderr]);
  expect(ours.status).toBe(1);
});
