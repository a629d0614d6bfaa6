import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { binDir, isNative, Lab, type Outcome } from "../lab.ts";
import { shell } from "./surroundings.ts";

let lab: Lab;
let netns: string;
let root: string;

/** A root with the executable in /bin, under two of its names, and nothing besides. */
beforeAll(() => {
  lab = new Lab();
  netns = lab.addNamespace("c1");
  root = path.join(lab.dir, "root");
  fs.mkdirSync(path.join(root, "bin"), { recursive: true });
  fs.copyFileSync(path.join(binDir, "bridge"), path.join(root, "bin/bridge"));
  fs.linkSync(path.join(root, "bin/bridge"), path.join(root, "bin/host-local"));
});

afterAll(() => lab.dispose());

function inRoot(command: string, config: unknown = "", mounts: readonly string[] = []): Outcome {
  const prepare = mounts.map((name) => `mkdir -p ${root}${name}; mount --rbind ${name} ${root}${name}`);
  const wrapper = ["unshare", "--mount", ...shell(["set -e", ...prepare, `exec chroot ${root} "$@"`].join("; "))];
  return lab.plugin("bridge", { command, config, netns, wrapper, bin: "/bin" });
}

/** Node.js needs glibc, which is not there. */
const NO_LOADER = { status: 127, stdout: "", stderr: expect.stringContaining("No such file or directory") };

test("in a root with the executable alone, VERSION and the text without a command work", () => {
  expect(inRoot("VERSION")).toMatchObject(
    isNative ? { status: 0, stdout: expect.stringContaining('"supportedVersions"'), stderr: "" } : NO_LOADER,
  );
  expect(inRoot("")).toMatchObject(
    isNative ? { status: 0, stdout: "", stderr: expect.stringMatching(/^CNI bridge plugin v/) } : NO_LOADER,
  );
});

test("no C library is needed, neither glibc nor musl: a container comes and goes where there are /proc, namespaces and leases", () => {
  const ipam = { type: "host-local", dataDir: "/networks", ranges: [[{ subnet: "10.1.2.0/24" }]] };
  const bridge = { bridge: "br0", isGateway: true, ipMasq: true, removeEmptyBridge: true };
  const config = { cniVersion: "1.1.0", name: "net1", type: "bridge", ...bridge, ipam };
  const run = (command: string, members: object = {}) =>
    inRoot(command, { ...config, ...members }, ["/proc", "/run/netns"]);
  const before = lab.ip("link show");
  const added = run("ADD");
  if (!isNative) return expect(added).toMatchObject(NO_LOADER);
  expect(added).toMatchObject({ status: 0, stderr: "" });
  const prevResult = JSON.parse(added.stdout);
  lab.run(["ping", "-c1", "-W1", "10.1.2.1"], netns);
  for (const command of ["CHECK", "STATUS", "DEL"])
    expect(run(command, { prevResult })).toMatchObject({ status: 0, stdout: "", stderr: "" });
  expect(lab.ip("link show")).toEqual(before);
  expect(fs.readdirSync(path.join(root, "networks/net1")).filter((name) => name.includes("10.1.2.2"))).toEqual([]);
});
