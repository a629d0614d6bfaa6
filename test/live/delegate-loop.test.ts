import fs from "node:fs";
import path from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { binDir, Lab, type Outcome } from "../lab.ts";
import { ControlGroup } from "./surroundings.ts";
import { errorOf } from "./traces.ts";

let lab: Lab;
let netns: string;
/** Without end would be until these are used up. */
let few: ControlGroup;

beforeAll(() => {
  lab = new Lab();
  netns = lab.addNamespace("c1");
  few = new ControlGroup("pids", 100);
});

afterEach(() => lab.clear());

afterAll(() => {
  lab.dispose();
  few.remove();
});

const base = { cniVersion: "1.1.0", name: "net1", type: "bridge", bridge: "br0", isGateway: true, ipMasq: true };

function run(command: string, config: object, CNI_PATH = binDir): Outcome {
  return lab.plugin("bridge", { command, config, netns, environment: { CNI_PATH }, wrapper: few.surroundings(lab) });
}

/** A folder of the test's own in front of the executables. */
function pathWith(name: string, make: (file: string) => void): string {
  const folder = path.join(lab.dir, "before");
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder);
  make(path.join(folder, name));
  return `${folder}:${binDir}`;
}

const bridge = path.join(binDir, "bridge");

test.each<[string, string, () => string]>([
  ["the same executable", "bridge", () => binDir],
  ["a copy of it", "bridge", () => lab.pathWithCopy("bridge")],
  [
    "the same executable by another name",
    "my-bridge",
    () => pathWith("my-bridge", (file) => fs.symlinkSync(bridge, file)),
  ],
  ["a copy of another name", "my-bridge", () => pathWith("my-bridge", (file) => fs.copyFileSync(bridge, file))],
  [
    "a script that runs it",
    "script",
    () => pathWith("script", (file) => fs.writeFileSync(file, `#!/bin/sh\nexec ${bridge}\n`, { mode: 0o755 })),
  ],
])("bridge whose IPAM plugin is %s ends: DEL and GC clean, the other verbs say why", (_, type, makePath) => {
  const folders = makePath();
  const config = { ...base, ipam: { type } };
  const refusal = { code: 7, msg: `Cannot use ipam.type "${type}": it would call itself without end` };
  const prevResult = { cniVersion: "1.1.0", interfaces: [], ips: [] };
  expect(errorOf(run("ADD", config, folders))).toMatchObject(refusal);
  expect(errorOf(run("CHECK", { ...config, prevResult }, folders)).msg).toContain(refusal.msg);
  expect(errorOf(run("STATUS", config, folders)).msg).toContain(refusal.msg);
  expect(lab.ip("link show").map((link) => Object(link).ifname)).toEqual(["lo"]);

  const ipam = { type: "host-local", dataDir: lab.dataDir, ranges: [[{ subnet: "10.88.0.0/24" }]] };
  for (const [command, more] of [["DEL"], ["GC", { "cni.dev/valid-attachments": [] }]] as const) {
    expect(run("ADD", { ...base, ipam }).status).toBe(0);
    expect(run(command, { ...config, ...more }, folders)).toMatchObject({ status: 0, stdout: "", stderr: "" });
    expect(lab.ip("link show type veth")).toEqual([]);
    expect(run("DEL", { ...base, ipam }).status).toBe(0);
  }
  expect(lab.processes()).toEqual([]);
});

test("a plugin that runs bridge as a runtime does, in a call of its own, is no loop", () => {
  const ipam = { type: "host-local", dataDir: lab.dataDir, ranges: [[{ subnet: "10.88.0.0/24" }]] };
  const inner = JSON.stringify({ ...base, ipam });
  const script = `#!/bin/sh\ncat >/dev/null\nexec ${bridge} <<'END'\n${inner}\nEND\n`;
  const meta = pathWith("meta", (file) => fs.writeFileSync(file, script, { mode: 0o755 }));
  const [bin = ""] = meta.split(":");
  const call = { config: { ...base, type: "meta" }, netns, environment: { CNI_PATH: meta }, bin };
  expect(lab.plugin("meta", { command: "ADD", ...call })).toMatchObject({ status: 0, stderr: "" });
  lab.run(["ping", "-c1", "-W5", "10.88.0.1"], netns);
  expect(lab.plugin("meta", { command: "DEL", ...call })).toMatchObject({ status: 0, stdout: "", stderr: "" });
  expect(lab.leases("net1").filter((name) => name.startsWith("10."))).toEqual([]);
});
