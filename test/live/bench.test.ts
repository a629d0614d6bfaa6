import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { timeChains } from "../bench/exec-timer.ts";
import { Netavark } from "../bench/netavark.ts";
import { PluginList } from "../bench/plugin-list.ts";
import { binDir, Lab } from "../lab.ts";

let lab: Lab;
beforeAll(() => {
  lab = new Lab();
});
afterAll(() => lab.dispose());

describe("timeChains", () => {
  const sh = (script: string) => ({ argv: ["/bin/sh", "-c", script], env: { PATH: process.env["PATH"] ?? "" } });
  const place = () => ({ netns: lab.host, folder: path.join(lab.dir, "calls") });

  it("hands the result of a job to the next one of its chain, and measures from the first to the last", () => {
    const chains = ["a", "b"].map((name) => [
      { ...sh("sleep 0.1; cat"), input: `{"name":"${name}"}` },
      { ...sh("sleep 0.1; cat"), input: `{"step":2}`, takesResult: true },
    ]);
    const timings = timeChains(place(), chains);
    expect(timings.map(({ stdout }) => JSON.parse(stdout))).toEqual([
      { step: 2, prevResult: { name: "a" } },
      { step: 2, prevResult: { name: "b" } },
    ]);
    const [a, b] = timings.map(({ start, end }) => ({ start, end, ms: end - start }));
    expect(Math.min(a?.ms ?? 0, b?.ms ?? 0)).toBeGreaterThanOrEqual(200);
    // At once, and not one after the other.
    expect(b?.start).toBeLessThan(a?.end ?? 0);
  });

  it("ends a chain with the job that fails, and says what it printed", () => {
    const after = path.join(lab.dir, "after");
    const chain = [sh("echo oh no >&2; exit 3"), sh(`touch ${after}`)].map((job) => ({ ...job, input: "" }));
    expect(() => timeChains(place(), [chain])).toThrow(/wait status 768: oh no/);
    expect(fs.existsSync(after)).toBe(false);
  });
});

describe("PluginList", () => {
  it("attaches and detaches containers that publish ports, several at once", () => {
    const ipam = { type: "host-local", ranges: [[{ subnet: "10.1.0.0/16" }]] };
    const list = new PluginList({
      name: "ours",
      bin: binDir,
      plugins: [
        { type: "bridge", bridge: "bench0", isGateway: true, ipMasq: true, ipam },
        { type: "portmap", capabilities: { portMappings: true } },
      ],
      ports: [{ containerPort: 80, protocol: "tcp" }],
    });
    try {
      // Two containers with one host port would be refused.
      for (const command of ["ADD", "CHECK", "DEL", "ADD"])
        expect(list.run(command, ["c1", "c2"])).toMatchObject({ ms: expect.any(Number), memory: expect.any(Number) });
      expect(() => list.run("ADD", ["c2"])).toThrow("ended with wait status");
    } finally {
      list.dispose();
    }
  });
});

describe("Netavark", () => {
  it("runs setup and teardown with the options on standard input", () => {
    const file = path.join(lab.dir, "netavark");
    const log = `${file}.log`;
    fs.writeFileSync(file, `#!/bin/sh\ntest -d "$2" && { echo "$@"; cat; echo; } >>${log}\n`, { mode: 0o755 });
    const netavark = new Netavark({ name: "netavark", file, ports: [{ containerPort: 80, protocol: "tcp" }] });
    try {
      netavark.run("ADD");
      netavark.run("DEL");
      expect(() => netavark.run("CHECK")).toThrow('Cannot ask netavark for "CHECK": must be ADD or DEL');
    } finally {
      netavark.dispose();
    }
    const [setup, options, teardown, again] = fs.readFileSync(log, "utf8").split("\n");
    expect(setup).toMatch(/^--config \S+ --firewall-driver nftables setup \/run\/netns\/\S+-c1$/);
    expect(teardown).toBe(setup?.replace(" setup ", " teardown "));
    expect(JSON.parse(options ?? "")).toMatchObject({ container_id: "c1", port_mappings: [{ host_port: 18000 }] });
    expect(again).toBe(options);
  });
});
