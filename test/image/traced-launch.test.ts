import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { TracedCall, TracedInput } from "../../src/cni/call-trace.ts";
import { CniError } from "../../src/cni/error.ts";
import type { Plugin } from "../../src/cni/plugin.ts";
import type { Child, LaunchOptions } from "../../src/cni/plugin-process.ts";
import type { Request } from "../../src/cni/request.ts";
import type { Result } from "../../src/cni/result.ts";
import { traceLaunch } from "../../src/image/traced-launch.ts";
import { ERRNO, LinuxError } from "../../src/platform/errno.ts";
import { pause } from "../../src/platform/pause.ts";
import type { Host } from "../../src/steps/host.ts";

/** The executables that are no link of this image: what starts them. */
const others = vi.hoisted(() => ({
  start: (_executable: string, _options: LaunchOptions): Child => {
    throw new Error("nothing is to be started");
  },
}));

vi.mock("../../src/linux/process.ts", () => ({
  launch: (executable: string, options: LaunchOptions) => others.start(executable, options),
}));

const RESULT: Result = { interfaces: [{ name: "eth0" }], ips: [], routes: [], dns: {} };

let folder: string;
let plugins: Record<string, Plugin<Host>>;
let told: (["began", TracedInput] | ["ended", TracedCall])[];

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "traced-launch-"));
  plugins = {};
  told = [];
  others.start = () => {
    throw new Error("nothing is to be started");
  };
});
afterEach(() => fs.rmSync(folder, { recursive: true }));

/** A plugin of this image, whose ADD is this. */
function own(name: string, add: (request: Request, host: Host) => Result): string {
  plugins[name] = { name, add, check: () => {}, del: () => {} };
  fs.symlinkSync(process.execPath, path.join(folder, name));
  return path.join(folder, name);
}

/** An executable that is another file, and prints this. */
function other(
  name: string,
  exit: { stdout?: string; stderr?: string; status?: number; signal?: number } = {},
): string {
  const { stdout = '{"cniVersion":"1.1.0"}', stderr = "", signal } = exit;
  const { status = signal === undefined ? 0 : undefined } = exit;
  const end = { status, signal, stdout: Buffer.from(stdout), stderr: Buffer.from(stderr) };
  others.start = () => ({ begin: () => {}, abandon: () => {}, wait: () => end });
  fs.writeFileSync(path.join(folder, name), "", { mode: 0o755 });
  return path.join(folder, name);
}

const INPUT = { cniVersion: "1.1.0", name: "net1" };

function launch(executable: string, options: Partial<LaunchOptions> = {}): Child {
  const start = traceLaunch(
    {
      find: (file) => plugins[path.basename(file)],
      isOwnNetns: (netns) => netns === "/own",
      log: undefined,
    },
    {
      began: (call) => void told.push(["began", call]),
      ended: (call) => void told.push(["ended", call]),
    },
  );
  const environment = {
    CNI_COMMAND: "ADD",
    CNI_CONTAINERID: "c1",
    CNI_NETNS: "/run/netns/blue",
    CNI_IFNAME: "eth0",
    CNI_PATH: folder,
    ...options.environment,
  };
  const stdin = Buffer.from(JSON.stringify(INPUT));
  return start(executable, { stdin, deadline: 1000, maxOutput: 1000, ...options, environment });
}

/** The only call that has ended. */
function onlyCall(): TracedCall {
  const calls = told.flatMap(([what, call]) => (what === "ended" ? [call] : []));
  expect(calls).toHaveLength(1);
  return calls[0] as TracedCall;
}

/** Has an IPAM plugin called by a bridge. */
const delegating = (type: string) => (request: Request, host: Host) => {
  const delegation = host.delegate(request, { command: "ADD", type, held: true });
  pause(5);
  return delegation.result();
};

const refuse = (errno: number) => (): never => {
  throw new LinuxError("run it", { syscall: "execve", errno });
};

describe("a plugin of this image", () => {
  test("runs in this process, and is told of with its phases and steps", () => {
    const bridge = own("bridge", (request) => {
      request.awaitLock?.("lock the leases")();
      request.log("a warning");
      return RESULT;
    });
    const child = launch(bridge);
    expect(told).toEqual([["began", { plugin: "bridge", command: "ADD", executable: bridge, input: INPUT }]]);
    const { status, stdout } = child.wait();
    const output = { cniVersion: "1.1.0", interfaces: [{ name: "eth0" }] };
    expect([status, JSON.parse(Buffer.from(stdout).toString())]).toEqual([0, output]);
    expect(onlyCall()).toMatchObject({
      ...{ plugin: "bridge", command: "ADD", executable: bridge, input: INPUT, output },
      ...{ stderr: "a warning\n", exitCode: 0, steps: [{ kind: "flock", action: "lock the leases" }] },
    });
  });

  test("fails as it would in a process of its own", () => {
    const bridge = own("bridge", () => {
      throw new CniError("tryAgainLater", "later");
    });
    expect(launch(bridge).wait().status).toBe(1);
    expect(onlyCall()).toMatchObject({ exitCode: 1, output: { code: 11, msg: "later" }, steps: [] });
    told = [];
    expect(launch(bridge, { environment: { CNI_NETNS: "/own" } }).wait().status).toBe(1);
    expect(onlyCall()).toMatchObject({ exitCode: 1, output: { code: 8 } });
  });

  test("has phases that are all of its time, which begins when it may begin", () => {
    const bridge = own("bridge", () => {
      pause(5);
      return RESULT;
    });
    const child = launch(bridge, { held: true });
    pause(50);
    child.begin();
    pause(50);
    child.wait();
    const { milliseconds, phases = {} } = onlyCall();
    expect(milliseconds).toBeGreaterThanOrEqual(4.9);
    expect(milliseconds).toBeLessThan(50);
    expect(Object.values(phases).reduce((sum, each) => sum + each, 0)).toBeCloseTo(milliseconds, 1);
  });

  test("has the call of its delegate among its steps, with that one's own steps", () => {
    const bridge = own("bridge", delegating("host-local"));
    own("host-local", (request) => {
      request.awaitLock?.("lock the leases")();
      return RESULT;
    });
    launch(bridge).wait();
    const { steps = [], phases } = onlyCall();
    const call = { plugin: "host-local", command: "ADD", exitCode: 0, input: INPUT };
    expect(steps).toMatchObject([
      { kind: "plugin", action: "ADD of host-local", call: { ...call, steps: [{ action: "lock the leases" }] } },
    ]);
    expect(phases?.ipam).toBeGreaterThan(0);
  });

  test("has input and output alone of a delegate that is another executable", () => {
    const bridge = own("bridge", delegating("whereabouts"));
    const executable = other("whereabouts", { stdout: JSON.stringify({ ...INPUT, ips: [] }) });
    expect(launch(bridge).wait().status).toBe(0);
    const [step] = onlyCall().steps ?? [];
    expect(step?.call).toMatchObject({ plugin: "whereabouts", executable, input: INPUT, exitCode: 0 });
    expect(step?.call).not.toHaveProperty("steps");
  });

  test("has a delegate that could not be started among its steps, with the reason", () => {
    const bridge = own("bridge", delegating("whereabouts"));
    other("whereabouts");
    others.start = refuse(ERRNO.ENOEXEC);
    expect(launch(bridge).wait().status).toBe(1);
    const [step] = onlyCall().steps ?? [];
    expect(step?.call).toMatchObject({ plugin: "whereabouts", failure: "Cannot run it: Exec format error" });
  });
});

describe("any other executable", () => {
  test("is started, and is told of with its input and output", () => {
    const tuning = other("tuning", { stderr: "a warning\n" });
    expect(launch(tuning).wait().status).toBe(0);
    expect(told.map(([what]) => what)).toEqual(["began", "ended"]);
    expect(onlyCall()).toEqual({
      ...{ plugin: "tuning", command: "ADD", executable: tuning, input: INPUT, milliseconds: expect.any(Number) },
      ...{ output: { cniVersion: "1.1.0" }, stderr: "a warning\n", exitCode: 0, signal: undefined },
    });
  });

  test("gets what its caller gave", () => {
    const tuning = other("tuning");
    const [given, start] = [[] as unknown[], others.start];
    others.start = (executable, options) => {
      given.push([executable, options.environment["CNI_CONTAINERID"], Buffer.from(options.stdin).toString()]);
      return start(executable, options);
    };
    launch(tuning).wait();
    expect(given).toEqual([[tuning, "c1", JSON.stringify(INPUT)]]);
  });

  test("is told of with text that is no JSON as it is, with nothing as nothing, and with its signal", () => {
    launch(other("tuning", { stdout: "Killed\n", signal: 9 }), { stdin: Buffer.of() }).wait();
    expect(onlyCall()).toMatchObject({ input: undefined, output: "Killed\n", exitCode: undefined, signal: 9 });
  });

  test("is told of with the reason if it does not end in time", () => {
    const tuning = other("tuning");
    others.start = () => ({ begin: () => {}, abandon: () => {}, wait: refuse(ERRNO.ETIMEDOUT) });
    expect(() => launch(tuning).wait()).toThrow("Connection timed out");
    expect(onlyCall()).toMatchObject({ output: undefined, failure: "Cannot run it: Connection timed out" });
  });

  test("is told of with the reason if it cannot be started", () => {
    const tuning = other("tuning");
    others.start = refuse(ERRNO.EACCES);
    expect(() => launch(tuning)).toThrow(expect.objectContaining({ code: "EACCES" }));
    expect(told.map(([what]) => what)).toEqual(["began", "ended"]);
    expect(onlyCall()).toMatchObject({ plugin: "tuning", input: INPUT, failure: "Cannot run it: Permission denied" });
  });

  test("can be abandoned", () => {
    const tuning = other("tuning");
    const abandon = vi.fn();
    others.start = () => ({ begin: () => {}, abandon, wait: refuse(ERRNO.EIO) });
    launch(tuning, { held: true }).abandon();
    expect(abandon).toHaveBeenCalledTimes(1);
  });
});
