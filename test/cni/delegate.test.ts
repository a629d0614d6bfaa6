import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { orAbandon, startDelegate } from "../../src/cni/delegate.ts";
import type { Command } from "../../src/cni/environment.ts";
import { CniError } from "../../src/cni/error.ts";
import { DelegateError, type Exit } from "../../src/cni/exit.ts";
import { findPlugin } from "../../src/cni/find-plugin.ts";
import type { LaunchOptions } from "../../src/cni/plugin-process.ts";
import { createRequest, readNetwork } from "../../src/cni/request.ts";
import { parsePrefix } from "../../src/ip/prefix.ts";

let folder = "";

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "cni-delegate-"));
  for (const name of ["one", "two", "empty"]) mkdirSync(join(folder, name));
  writeFileSync(join(folder, "two/host-local"), "");
  writeFileSync(join(folder, "two/plain"), "", { mode: 0o600 });
  mkdirSync(join(folder, "one/host-local"));
  symlinkSync("../two/host-local", join(folder, "one/linked"));
  symlinkSync("nowhere", join(folder, "one/dangling"));
});

afterAll(() => rmSync(folder, { recursive: true }));

function inFolder(...names: readonly string[]): readonly string[] {
  return names.map((name) => join(folder, name));
}

describe("findPlugin", () => {
  test("finds the first regular file, past folders and missing ones", () => {
    expect(findPlugin("host-local", inFolder("missing", "one", "two"))).toBe(join(folder, "two/host-local"));
  });

  test("follows symbolic links", () => {
    expect(findPlugin("linked", inFolder("one"))).toBe(join(folder, "one/linked"));
  });

  test("does not ask whether it may be executed", () => {
    expect(findPlugin("plain", inFolder("two"))).toBe(join(folder, "two/plain"));
  });

  test.each(["absent", "dangling", "..", "."])("says where it looked for %s", (type) => {
    const path = inFolder("one", "empty");
    const message = `failed to find plugin "${type}" in path [${path.join(" ")}]`;
    expect(() => findPlugin(type, path)).toThrow(expect.objectContaining({ code: 108, message }));
  });

  test.each([
    ["", "no plugin name provided"],
    ["../two/host-local", "invalid plugin name: ../two/host-local"],
    ["/bin/sh", "invalid plugin name: /bin/sh"],
    ["a\0b", "invalid plugin name: a\0b"],
  ])("refuses the name %j with code 7", (type, message) => {
    expect(() => findPlugin(type, inFolder("two"))).toThrow(expect.objectContaining({ code: 7, message }));
  });

  test("refuses to look nowhere, as where CNI_PATH has only empty parts", () => {
    expect(() => findPlugin("host-local", [])).toThrow(
      expect.objectContaining({ code: 4, message: "no paths provided", details: "CNI_PATH" }),
    );
  });
});

interface Outcome {
  readonly status?: number;
  readonly signal?: number;
  readonly stdout?: string;
  readonly stderr?: string;
}

/** Delegates to a plugin that ends in the given way. */
function delegate(
  outcome: Outcome | Error,
  options: { version?: "0.2.0" | "1.0.0"; held?: boolean; padding?: number } = {},
) {
  const { version = "1.0.0", held = false, padding = 0 } = options;
  const calls: { executable: string; options: LaunchOptions }[] = [];
  const lines: string[] = [];
  const stdin = Buffer.from(`{ "name": "n", "cniVersion": "${version}" }${" ".repeat(padding)}`);
  const environment = { CNI_PATH: join(folder, "two"), CNI_COMMAND: "ADD", HOME: "/root" };
  const log = (line: string): void => void lines.push(line);
  const request = createRequest("ADD", { network: readNetwork(stdin), version, stdin, environment, log });
  const launch = (executable: string, options: LaunchOptions) => {
    calls.push({ executable, options });
    return {
      begin: () => void (options.held && lines.push("begun")),
      wait: () => endOf(outcome),
      abandon: () => lines.push("abandoned"),
    };
  };
  return {
    delegation: startDelegate(launch, request, { command: "DEL", type: "host-local", held }),
    calls,
    lines,
    stdin,
  };
}

function endOf(outcome: Outcome | Error): Exit {
  if (outcome instanceof Error) throw outcome;
  const { status, signal, stdout = "", stderr = "" } = outcome;
  return {
    status: signal === undefined ? (status ?? 0) : undefined,
    signal,
    stdout: Buffer.from(stdout),
    stderr: Buffer.from(stderr),
  };
}

function withCode(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

describe("startDelegate", () => {
  test.each([
    ["that makes interfaces", "bridge", {}],
    ["of the CNI project that makes interfaces", "macvlan", {}],
    ["that is asked by what it asked itself", "host-local", { CNI_IPAM_SERVES: "n c1 eth0" }],
  ] as const)("runs no plugin %s: DEL and GC pass over it", (_, type, more) => {
    const stdin = Buffer.from('{"name":"n"}');
    const environment = { CNI_PATH: join(folder, "two"), CNI_CONTAINERID: "c1", CNI_IFNAME: "eth0", ...more };
    const call = { network: readNetwork(stdin), version: "1.0.0", stdin, environment, log: () => {} } as const;
    const launch = () => {
      throw new Error("started");
    };
    const start = (command: Command) => startDelegate(launch, createRequest(command, call), { command, type });
    const message = `Cannot use ipam.type "${type}": it would call itself without end`;
    for (const command of ["ADD", "CHECK", "STATUS"] as const) {
      expect(() => start(command)).toThrow(expect.objectContaining({ code: 7, message }));
    }
    for (const command of ["DEL", "GC"] as const) {
      expect(start(command).result()).toEqual({ interfaces: [], ips: [], routes: [], dns: {} });
      start(command).begin();
      start(command).done();
      expect(start(command).abandon()).toBe(true);
    }
  });

  test("serves the calls of other networks, containers and interfaces, whoever has begun them", () => {
    const stdin = Buffer.from('{"name":"n"}');
    const environment = { CNI_PATH: join(folder, "two"), CNI_CONTAINERID: "c1", CNI_IFNAME: "eth0" };
    const call = { network: readNetwork(stdin), version: "1.0.0", stdin, log: () => {} } as const;
    for (const served of ["m c1 eth0", "n c2 eth0", "n c1 eth1"]) {
      const request = createRequest("ADD", { ...call, environment: { ...environment, CNI_IPAM_SERVES: served } });
      const launch = (_: string, { environment }: LaunchOptions) => {
        expect(environment["CNI_IPAM_SERVES"]).toBe("n c1 eth0");
        return { begin: () => {}, wait: () => endOf({}), abandon: () => {} };
      };
      startDelegate(launch, request, { command: "ADD", type: "host-local" }).done();
    }
  });

  test("starts at once, with standard input unchanged and no variable of the protocol changed but CNI_COMMAND", () => {
    const { calls, stdin } = delegate({});
    expect(calls).toHaveLength(1);
    expect(calls[0]?.executable).toBe(join(folder, "two/host-local"));
    expect(calls[0]?.options.stdin).toBe(stdin);
    expect(calls[0]?.options).toMatchObject({
      environment: { CNI_PATH: join(folder, "two"), CNI_COMMAND: "DEL", HOME: "/root" },
      deadline: 60_000,
      maxOutput: 4_194_304,
    });
  });

  test("gives the delegate the time that is asked for, and its input at once unless it is held", () => {
    const stdin = Buffer.from('{"name":"n"}');
    const environment = { CNI_PATH: join(folder, "two") };
    const call = { network: readNetwork(stdin), version: "1.0.0", stdin, environment, log: () => {} } as const;
    const given: LaunchOptions[] = [];
    const launch = (_: string, options: LaunchOptions) => {
      given.push(options);
      return { begin: () => {}, wait: () => endOf(withCode("ETIMEDOUT", "late")), abandon: () => {} };
    };
    const request = createRequest("STATUS", call);
    const { done } = startDelegate(launch, request, { command: "STATUS", type: "host-local", deadline: 5_000 });
    expect(given).toEqual([expect.objectContaining({ deadline: 5_000, held: false })]);
    expect(() => done()).toThrow('Cannot wait longer for plugin "host-local": it did not end within 5 s');
  });

  test("relays what the delegate wrote to standard error, whether it succeeded or not", () => {
    const good = delegate({ stdout: "{}", stderr: "a\nb\n" });
    good.delegation.done();
    expect(good.lines).toEqual(["a", "b"]);
    const bad = delegate({ status: 1, stdout: '{"code":7,"msg":"m"}', stderr: "c" });
    expect(() => bad.delegation.done()).toThrow("m");
    expect(bad.lines).toEqual(["c"]);
  });

  test("waits once, however often it is asked", () => {
    const { delegation, lines } = delegate({ stdout: "{}", stderr: "a" });
    delegation.done();
    delegation.result();
    expect(lines).toEqual(["a"]);
  });

  test("serves in this process what can be, and starts only the rest", () => {
    const stdin = Buffer.from('{"name":"n"}');
    const environment = { CNI_PATH: join(folder, "two") };
    const asked: string[] = [];
    const own = (name: string) => (executable: string) => {
      asked.push(executable);
      if (!executable.endsWith(name)) return undefined;
      return { begin: () => {}, wait: () => endOf({ stderr: "resident" }), abandon: () => {} };
    };
    const linesOf = (name: string) => {
      const lines: string[] = [];
      const call = { network: readNetwork(stdin), version: "1.0.0", stdin, environment } as const;
      const request = createRequest("ADD", { ...call, log: (line) => lines.push(line), launchResident: own(name) });
      const launch = () => ({ begin: () => {}, wait: () => endOf({ stderr: "process" }), abandon: () => {} });
      startDelegate(launch, request, { command: "DEL", type: "host-local" }).done();
      return lines;
    };
    expect(linesOf("host-local")).toEqual(["resident"]);
    expect(linesOf("another")).toEqual(["process"]);
    expect(asked).toEqual([join(folder, "two/host-local"), join(folder, "two/host-local")]);
  });

  test("held: starts at once, and tells the delegate nothing before it is waited for", () => {
    const { calls, delegation, lines } = delegate({}, { held: true });
    expect(calls[0]?.options.held).toBe(true);
    expect(delegation.abandon()).toBe(true);
    expect(lines).toEqual(["abandoned"]);
  });

  test("held: one that has begun cannot be abandoned", () => {
    const { delegation, lines } = delegate({}, { held: true });
    delegation.begin();
    delegation.begin();
    expect(delegation.abandon()).toBe(false);
    delegation.done();
    expect(lines).toEqual(["begun"]);
  });

  test("held: what no pipe takes is started only when it is to begin", () => {
    const most = 65_536 - delegate({}).stdin.length;
    expect(delegate({}, { held: true, padding: most }).calls).toHaveLength(1);
    const { calls, delegation, lines } = delegate({}, { held: true, padding: most + 1 });
    expect(calls).toEqual([]);
    expect(delegation.abandon()).toBe(true);
    expect(lines).toEqual([]);
    delegation.begin();
    expect(calls).toHaveLength(1);
    delegation.done();
    expect(calls).toHaveLength(1);
  });

  test("waits while the executable is being written", () => {
    let attempts = 0;
    const stdin = Buffer.from('{"name":"n"}');
    const environment = { CNI_PATH: join(folder, "two") };
    const call = { network: readNetwork(stdin), version: "1.0.0", stdin, environment, log: () => {} } as const;
    const launch = () => {
      attempts++;
      if (attempts < 3) throw withCode("ETXTBSY", "Text file busy");
      return { begin: () => {}, wait: () => endOf({}), abandon: () => {} };
    };
    startDelegate(launch, createRequest("ADD", call), { command: "ADD", type: "host-local" }).done();
    expect(attempts).toBe(3);
  });

  test("waits no longer than 5 s while the executable is being written", () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    onTestFinished(() => void vi.useRealTimers());
    let attempts = 0;
    const launch = (): never => {
      attempts++;
      vi.setSystemTime(Date.now() + 2_500);
      throw withCode("ETXTBSY", "Text file busy");
    };
    const stdin = Buffer.from('{"name":"n"}');
    const environment = { CNI_PATH: join(folder, "two") };
    const call = { network: readNetwork(stdin), version: "1.0.0", stdin, environment, log: () => {} } as const;
    const start = () => startDelegate(launch, createRequest("ADD", call), { command: "ADD", type: "host-local" });
    const message = 'Cannot run plugin "host-local": Text file busy';
    expect(start).toThrow(expect.objectContaining({ code: 108, message }));
    expect(attempts).toBe(3);
  });

  test("cannot start what cannot be run, which of a held one is told when it is waited for", () => {
    const stdin = Buffer.from('{"name":"n"}');
    const environment = { CNI_PATH: join(folder, "two") };
    const call = { network: readNetwork(stdin), version: "1.0.0", stdin, environment, log: () => {} } as const;
    let attempts = 0;
    const launch = (): never => {
      attempts++;
      throw withCode("EACCES", "Permission denied");
    };
    const start = (held: boolean) =>
      startDelegate(launch, createRequest("ADD", call), { command: "ADD", type: "host-local", held });
    const error = expect.objectContaining({ code: 108, message: 'Cannot run plugin "host-local": Permission denied' });
    expect(() => start(false)).toThrow(error);
    expect(attempts).toBe(1);
    const held = start(true);
    expect(held.abandon()).toBe(true);
    expect(() => held.begin()).toThrow(error);
    expect(held.abandon()).toBe(true);
    expect(() => held.done()).toThrow(error);
  });
});

describe("orAbandon", () => {
  test("drops a held call where what is to come before it fails, and only there", () => {
    const { delegation, lines } = delegate({}, { held: true });
    expect(orAbandon(delegation, () => 5)).toBe(5);
    expect(lines).toEqual([]);
    const fail = () => {
      throw new Error("before");
    };
    expect(() => orAbandon(delegation, fail)).toThrow("before");
    expect(lines).toEqual(["abandoned"]);
    expect(() => orAbandon(undefined, fail)).toThrow("before");
  });
});

describe("Delegation.result", () => {
  const ips = [{ address: parsePrefix("10.1.0.2/16") }];

  test("reads a result in its own version, else in the configuration's", () => {
    const old = '{"ip4":{"ip":"10.1.0.2/16"}}';
    expect(delegate({ stdout: old }, { version: "0.2.0" }).delegation.result().ips).toEqual(ips);
    const own = '{"cniVersion":"0.4.0","ips":[{"version":"4","address":"10.1.0.2/16"}]}';
    expect(delegate({ stdout: own }, { version: "0.2.0" }).delegation.result().ips).toEqual(ips);
  });

  test("takes null and a missing cniVersion", () => {
    expect(delegate({ stdout: "null" }).delegation.result().ips).toEqual([]);
    expect(delegate({ stdout: '{"ips":[{"address":"10.1.0.2/16"}]}' }).delegation.result().ips).toEqual(ips);
    expect(delegate({ stdout: '{"cniVersion":"","ips":[{"address":"10.1.0.2/16"}]}' }).delegation.result().ips).toEqual(
      ips,
    );
  });

  test.each([
    ["", "unexpected end of JSON input"],
    ['{"cniVersion":"1.0.0","ips":[{"addr', "unexpected end of JSON input"],
    ["hello", "invalid character 'h' looking for beginning of value"],
    ["{}{}", "invalid character '{' after top-level value"],
    ["[]", "a result must be an object, found array"],
    ['{"cniVersion":"9.9.9"}', 'unsupported CNI result version "9.9.9"'],
    [
      '{"ips":[{"address":"10.1.0.2"}]}',
      'Cannot use ips[0].address "10.1.0.2": must be an IP prefix such as 10.1.0.0/16',
    ],
  ])("refuses %j on a success with code 108", (stdout, reason) => {
    const message = `Cannot read the result of plugin "host-local": ${reason}`;
    expect(() => delegate({ stdout }).delegation.result()).toThrow(expect.objectContaining({ code: 108, message }));
  });
});

describe("Delegation.done", () => {
  test("does not look at what the delegate printed", () => {
    expect(() => delegate({ stdout: "hello" }).delegation.done()).not.toThrow();
  });

  test("throws the delegate's own error as it is", () => {
    const stdout = '{"cniVersion":"1.0.0","code":999,"msg":"no IP addresses available","details":"d"}';
    const { delegation } = delegate({ status: 1, stdout });
    const own = { code: 999, message: "no IP addresses available", details: "d" };
    expect(() => delegation.done()).toThrow(expect.objectContaining(own));
    expect(() => delegation.done()).toThrow(DelegateError);
  });

  test("throws an error of ours as it is, whoever serves the delegate", () => {
    const { delegation } = delegate(new CniError("tryAgainLater", "others hold the lock"));
    expect(() => delegation.done()).toThrow(expect.objectContaining({ code: 11, message: "others hold the lock" }));
  });

  test("gives an error object without a code its own", () => {
    const { delegation } = delegate({ status: 1, stdout: '{"msg":"boom"}' });
    expect(() => delegation.done()).toThrow(expect.objectContaining({ code: 108, message: "boom" }));
  });

  test.each<[Outcome, string]>([
    [{ status: 1 }, "netplugin failed with no error message: exit status 1"],
    [{ status: 2, stderr: "panic: x\n" }, 'netplugin failed: "panic: x\\n"'],
    [{ signal: 9 }, "netplugin failed with no error message: signal 9"],
    [{ signal: 11, stderr: "oops" }, 'netplugin failed: "oops"'],
    [
      { status: 1, stdout: '{"code": 7, "ms' },
      'netplugin failed but error parsing its diagnostic message "{\\"code\\": 7, \\"ms": unexpected end of JSON input',
    ],
    [
      { status: 1, stdout: "oops" },
      "netplugin failed but error parsing its diagnostic message \"oops\": invalid character 'o' looking for beginning of value",
    ],
    [
      { signal: 15, stdout: "{}{}" },
      "netplugin failed but error parsing its diagnostic message \"{}{}\": invalid character '{' after top-level value",
    ],
    [
      { status: 1, stdout: "{}" },
      'netplugin failed but error parsing its diagnostic message "{}": Cannot find msg: must be a string',
    ],
    [
      { status: 1, stdout: '{"code":"x","msg":"m"}' },
      'netplugin failed but error parsing its diagnostic message "{\\"code\\":\\"x\\",\\"msg\\":\\"m\\"}": Cannot use code "x": must be an integer',
    ],
  ])("%j is code 108 with the reference's words", (outcome, message) => {
    const { delegation } = delegate(outcome);
    const error = expect.objectContaining({ code: 108, message, details: 'plugin "host-local"' });
    expect(() => delegation.done()).toThrow(error);
    expect(() => delegation.done()).not.toThrow(DelegateError);
  });

  test("cuts a long message short", () => {
    const { delegation } = delegate({ status: 1, stderr: "x".repeat(1_000_000) });
    expect(() => delegation.done()).toThrow(
      expect.objectContaining({ message: `netplugin failed: "${"x".repeat(1000)}…"` }),
    );
  });

  test("tells a deadline from other failures to run", () => {
    const late = delegate(withCode("ETIMEDOUT", "timed out"));
    const message = 'Cannot wait longer for plugin "host-local": it did not end within 60 s';
    expect(() => late.delegation.done()).toThrow(expect.objectContaining({ code: 109, message }));
    const loud = delegate(withCode("EFBIG", "printed more than 4194304 bytes"));
    expect(() => loud.delegation.result()).toThrow(
      expect.objectContaining({
        code: 108,
        message: 'Cannot run plugin "host-local": printed more than 4194304 bytes',
      }),
    );
  });
});
