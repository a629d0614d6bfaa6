import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findNetavark, formatOptions } from "./netavark.ts";

let folder: string;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "bench-netavark-"));
});
afterEach(() => fs.rmSync(folder, { recursive: true }));

/** An executable that says it is this release of netavark; returns its path. */
function fake(name: string, version: string): string {
  const file = path.join(folder, name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, `#!/bin/sh\necho netavark ${version}\n`, { mode: 0o755 });
  return file;
}

describe("findNetavark", () => {
  it("takes the one that NETAVARK names before those of PATH and of cargo's folder", () => {
    const [named, inPath, cargo] = ["named", "bin/netavark", ".cargo/bin/netavark"].map((name) => fake(name, "2.1.0"));
    const environment = { PATH: `/nowhere:${folder}/bin`, HOME: folder };
    expect(findNetavark({ ...environment, NETAVARK: named })).toBe(named);
    expect(findNetavark(environment)).toBe(inPath);
    expect(findNetavark({ ...environment, PATH: "/nowhere" })).toBe(cargo);
    expect(findNetavark({ PATH: "/nowhere", HOME: "/nowhere" })).toBeUndefined();
  });

  it.each([
    ["1.14.2", false],
    ["2.0.9", false],
    ["2.1.0", true],
    ["2.10.0", true],
    ["3.0.0", true],
  ])("asks for 2.1 or newer: %s", (version, isTaken) => {
    const file = fake("bin/netavark", version);
    expect(findNetavark({ PATH: path.dirname(file), HOME: folder })).toBe(isTaken ? file : undefined);
  });

  it("refuses a NETAVARK that cannot be used", () => {
    const wanted = "must be netavark 2.1 or newer";
    expect(() => findNetavark({ NETAVARK: "/nowhere/netavark" })).toThrow(wanted);
    expect(() => findNetavark({ NETAVARK: fake("old", "1.4.0") })).toThrow(wanted);
  });
});

describe("formatOptions", () => {
  it("gives each container an address and host ports of its own", () => {
    const ports = [{ containerPort: 80, protocol: "tcp" } as const, { containerPort: 53, protocol: "udp" } as const];
    const [first, third] = [0, 2].map((number) => Object(formatOptions({ id: "c", number }, ports)));
    expect(first.networks.bench.static_ips).toEqual(["10.1.0.2"]);
    expect(third.networks.bench.static_ips).toEqual(["10.1.0.4"]);
    expect(third.port_mappings).toEqual([
      { container_port: 80, host_ip: "", host_port: 18020, protocol: "tcp", range: 1 },
      { container_port: 53, host_ip: "", host_port: 18021, protocol: "udp", range: 1 },
    ]);
  });
});
