import fs from "node:fs";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { binDir, type Call, Lab } from "../lab.ts";
import { traced } from "./masquerading.ts";
import { errorOf, leaseFiles, type Traces, tracesOf } from "./traces.ts";

let lab: Lab;
let netns: string;
let before: Traces;

beforeAll(() => {
  lab = new Lab();
  netns = lab.addNamespace("c1");
  before = tracesOf(lab, [netns]);
});

afterEach(() => {
  lab.clear();
  fs.rmSync(folder(), { recursive: true, force: true });
});

afterAll(() => lab.dispose());

function folder(): string {
  return path.join(lab.dir, "plugins");
}

function call(command: string, { type = "host-local", subnet = "10.1.2.0/24", CNI_PATH = binDir, ...more } = {}): Call {
  const ipam = { type, dataDir: lab.dataDir, ranges: [[{ subnet }]] };
  const config = { cniVersion: "1.1.0", name: "net1", type: "bridge", bridge: "br0", isGateway: true, ipam, ...more };
  return { command, config, netns, environment: { CNI_PATH } };
}

/** A CNI_PATH whose first folder has a file of that name, made by `make` from the image. */
function pathWith(name: string, make: (image: string, file: string) => void): string {
  fs.mkdirSync(folder(), { recursive: true });
  make(path.join(binDir, "host-local"), path.join(folder(), name));
  return `${folder()}:${binDir}`;
}

describe("an IPAM plugin that is bridge's own image", () => {
  it.each([
    ["under its name", "host-local", binDirOnly],
    ["by a symbolic link", "linked-host-local", (name: string) => pathWith(name, fs.symlinkSync)],
  ])("is served in bridge's process, %s, in every verb", (_, type, make) => {
    const CNI_PATH = make(type);
    const { outcome, started } = traced(lab, "bridge", call("ADD", { type, CNI_PATH }));
    expect(outcome).toMatchObject({ status: 0, stderr: "" });
    expect(started).toEqual(["bridge"]);
    expect(leaseFiles(lab)).toEqual(["net1/10.1.2.2"]);
    const prevResult = JSON.parse(outcome.stdout);
    for (const command of ["CHECK", "STATUS", "DEL", "DEL"]) {
      const next = traced(lab, "bridge", call(command, { type, CNI_PATH, ...{ prevResult } }));
      expect(next.outcome).toMatchObject({ status: 0, stdout: "", stderr: "" });
      expect(next.started).toEqual(["bridge"]);
    }
    expect(leaseFiles(lab)).toEqual([]);
  });

  it.each([
    ["a copy of it", fs.copyFileSync],
    ["a script that runs it", (image: string, file: string) => script(file, `exec ${image}`)],
  ])("is a process where its name is %s", (_, make) => {
    const CNI_PATH = pathWith("host-local", make);
    const { outcome, started } = traced(lab, "bridge", call("ADD", { CNI_PATH }));
    expect(outcome).toMatchObject({ status: 0, stderr: "" });
    expect(started.slice(0, 2)).toEqual(["bridge", "host-local"]);
    expect(traced(lab, "bridge", call("DEL", { CNI_PATH })).started.slice(0, 2)).toEqual(["bridge", "host-local"]);
    expect(leaseFiles(lab)).toEqual([]);
  });

  it("fails ADD with its own error, as a process would, and nothing stays", () => {
    const subnet = "10.1.2.0/33";
    const errors = [binDir, pathWith("host-local", fs.copyFileSync)].map((CNI_PATH) => {
      const error = errorOf(lab.plugin("bridge", call("ADD", { CNI_PATH, subnet })));
      expect(tracesOf(lab, [netns])).toEqual(before);
      return error;
    });
    expect(errors[0]).toMatchObject({ code: 7, msg: expect.stringContaining("10.1.2.0/33") });
    expect(errors[1]).toEqual(errors[0]);
  });

  it("gives back what it gave where bridge fails after it", () => {
    lab.run(["ip", "link", "add", "br0", "type", "bridge"]);
    lab.run(["ip", "address", "add", "10.9.9.9/24", "dev", "br0"]);
    expect(errorOf(lab.plugin("bridge", call("ADD")))).toMatchObject({ code: 106 });
    expect(leaseFiles(lab)).toEqual([]);
    expect(lab.ip("link show type veth")).toEqual([]);
  });

  it.each([
    ["cannot be looked for", ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "inject=setns:error=EPERM"]],
    ["may not be deleted", ["setpriv", "--bounding-set=-net_admin", "--"]],
  ])("keeps the lease of an interface that %s", (_, wrapper) => {
    expect(lab.plugin("bridge", call("ADD")).status).toBe(0);
    expect(lab.plugin("bridge", { ...call("DEL"), wrapper }).status).toBe(1);
    expect(leaseFiles(lab)).toEqual(["net1/10.1.2.2"]);
    expect(lab.plugin("bridge", call("DEL")).status).toBe(0);
    expect(leaseFiles(lab)).toEqual([]);
  });
});

function binDirOnly(): string {
  return binDir;
}

function script(file: string, body: string): void {
  fs.writeFileSync(file, `#!/bin/sh\n${body}\n`, { mode: 0o755 });
}
