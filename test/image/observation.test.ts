import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { CallTrace } from "../../src/cni/call-trace.ts";
import type { Edge } from "../../src/cni/edge.ts";
import type { Launch } from "../../src/cni/plugin-process.ts";
import { type Observer, observe, observeForLog } from "../../src/image/observation.ts";
import { addBridge } from "../../src/netlink/link/add.ts";
import { pause } from "../../src/platform/pause.ts";
import type { Host } from "../../src/steps/host.ts";
import { FakeKernel } from "../kernel/fake-kernel.ts";
import { hostOn } from "../kernel/host.ts";

/** The machine, how long its sockets take to close, and what was to start plugins. */
const machine = vi.hoisted(() => ({
  open: (): Host => {
    throw new Error("no kernel");
  },
  close: () => {},
  launches: [] as unknown[],
}));

vi.mock("../../src/steps/host.ts", () => ({
  withHost: <T>(act: (host: Host) => T, launch?: Launch): T => {
    machine.launches.push(launch);
    try {
      return act(machine.open());
    } finally {
      machine.close();
    }
  },
}));

let kernel: FakeKernel;
let ended: CallTrace[];

beforeEach(() => {
  kernel = new FakeKernel();
  ended = [];
  Object.assign(machine, { open: () => hostOn(kernel), close: () => {}, launches: [] });
});

const launch: Launch = () => {
  throw new Error("nothing is started here");
};

const edge: Edge = {
  environment: { CNI_COMMAND: "ADD", CNI_CONTAINERID: "c1" },
  readStdin: () => Buffer.from('{"name":"net1"}'),
  writeOut: () => {},
  writeErr: () => {},
  isOwnNetns: () => false,
};

function observed(more: Partial<Observer> = {}) {
  return observe({ log: undefined, launch, ended: (trace) => void ended.push(trace), ...more });
}

/** What the steps of a trace asked for. */
function actions(trace: CallTrace | undefined): readonly string[] {
  return trace?.steps().map(({ action }) => action) ?? [];
}

describe("observe()", () => {
  test("gives a call a host that traces it, and tells of the trace at the call's end", () => {
    const { beginRecord, withHost } = observed();
    const logged = beginRecord("bridge", edge);
    expect(withHost((host) => addBridge(host.netlink, { name: "br0" }))).toBeUndefined();
    expect(ended).toEqual([]);
    logged?.finish(0);
    expect(ended.map(actions)).toEqual([['add bridge "br0"']]);
    expect(kernel.log).toEqual(['host: add bridge "br0"']);
  });

  test("keeps the traces of a call and of the one that it waits for apart", () => {
    const { beginRecord, withHost, current } = observed();
    const act = (name: string) => withHost((host) => addBridge(host.netlink, { name }));
    expect(current()).toBeUndefined();
    const outer = beginRecord("bridge", edge);
    const trace = current();
    act("one");
    const inner = beginRecord("host-local", edge);
    expect(current()).not.toBe(trace);
    act("two");
    inner?.finish(0);
    expect(current()).toBe(trace);
    act("three");
    outer?.finish(0);
    expect(current()).toBeUndefined();
    expect(ended.map(actions)).toEqual([['add bridge "two"'], ['add bridge "one"', 'add bridge "three"']]);
  });

  test("has the locks that a call waits for", () => {
    const { beginRecord } = observed();
    const logged = beginRecord("host-local", edge);
    logged?.edge.awaitLock?.("lock the leases")();
    logged?.edge.awaitLock?.("lock the records")(new Error("others hold it"));
    logged?.finish(0);
    expect(ended[0]?.steps()).toMatchObject([
      { phase: "locks", kind: "flock", action: "lock the leases" },
      { phase: "locks", kind: "flock", action: "lock the records", error: { message: "others hold it" } },
    ]);
  });

  test.each([
    ["ends well", () => {}],
    [
      "fails",
      () => {
        throw new Error("a verb failed");
      },
    ],
  ])("counts the closing of what a verb that %s has opened", (_, act) => {
    machine.close = () => pause(20);
    const { beginRecord, withHost } = observed();
    const logged = beginRecord("bridge", edge);
    try {
      withHost(() => {
        pause(5);
        act();
      });
    } catch (error) {
      expect(error).toMatchObject({ message: "a verb failed" });
    }
    logged?.finish(0);
    const [trace] = ended;
    const { closing = 0, other = 0 } = trace?.phases(trace.elapsed()) ?? {};
    expect(closing).toBeGreaterThanOrEqual(19);
    expect(other).toBeGreaterThanOrEqual(4);
  });

  test("starts the plugins that a call delegates to as it is told", () => {
    const { beginRecord, withHost } = observed();
    beginRecord("bridge", edge);
    expect(withHost(() => "returned")).toBe("returned");
    expect(machine.launches).toEqual([launch]);
  });

  test("gives the plain host where no call is being served", () => {
    const host = hostOn(kernel);
    machine.open = () => host;
    const { beginRecord, withHost } = observed();
    expect(withHost((given) => given)).toBe(host);
    beginRecord("bridge", edge)?.finish(0);
    expect(withHost((given) => given)).toBe(host);
  });

  test("passes what a call reads and prints on", () => {
    const written: string[] = [];
    const { beginRecord } = observed();
    const logged = beginRecord("bridge", { ...edge, writeOut: (text) => void written.push(text) });
    logged?.edge.writeOut("a result");
    expect([written, logged?.edge.readStdin()]).toEqual([["a result"], edge.readStdin()]);
  });
});

describe("observeForLog()", () => {
  let folder: string;

  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "observation-"));
  });
  afterEach(() => fs.rmSync(folder, { recursive: true }));

  test("logs each call with the phases of its own steps", () => {
    const [config, log] = [path.join(folder, "config.json"), path.join(folder, "cni.log")];
    fs.writeFileSync(config, JSON.stringify({ log }));
    machine.close = () => pause(5);
    const { beginRecord, withHost } = observeForLog(config);
    const outer = beginRecord("bridge", edge);
    beginRecord("host-local", edge)?.finish(0);
    withHost((host) => addBridge(host.netlink, { name: "br0" }));
    outer?.finish(0);
    const records: unknown[] = fs
      .readFileSync(log, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(records).toMatchObject([
      { plugin: "host-local" },
      { plugin: "bridge", phases: { closing: expect.any(Number) } },
    ]);
    expect(records[0]).not.toHaveProperty("phases.closing");
  });

  test("serves calls whose log is unusable", () => {
    const errors: string[] = [];
    const { beginRecord, withHost, current } = observeForLog(path.join(folder, "none"));
    const logged = beginRecord("bridge", { ...edge, writeErr: (text) => void errors.push(text) });
    expect(withHost((host) => host.openOwnNetns())).toBe(kernel.host.fd);
    logged?.finish(0);
    expect([current(), errors]).toEqual([undefined, [expect.stringMatching(/^Cannot log this call: /)]]);
  });
});
