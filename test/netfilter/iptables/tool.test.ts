import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Exit, LaunchOptions } from "../../../src/linux/child.ts";
import {
  findRestore,
  type Invocation,
  invocationFor,
  listTable,
  type Restore,
  runAtOnce,
  startRestore,
  variantOf,
} from "../../../src/netfilter/iptables/tool.ts";
import { ERRNO, LinuxError } from "../../../src/platform/errno.ts";

/** Which commands were held by a lock, and the locks that were closed. */
const locks = vi.hoisted(() => ({ held: [] as number[], closed: [] as number[] }));

vi.mock("../../../src/netfilter/rule-locks.ts", () => ({
  holdRestores: (_: unknown, which: number) => {
    locks.held.push(which);
    return 1000 + which;
  },
}));
/** Finds the commands of a test alone, whatever the host has. */
vi.mock("../../../src/netfilter/executable.ts", async (original) => {
  const real = await original<typeof import("../../../src/netfilter/executable.ts")>();
  const findExecutable = (names: readonly string[], environment: { readonly PATH: string }) =>
    names
      .map((name) => real.findExecutable([name], environment))
      .find((file) => file?.startsWith(`${environment.PATH}/`));
  return { ...real, findExecutable };
});
vi.mock("../../../src/linux/discard.ts", () => ({ discard: (fd: number) => void locks.closed.push(fd) }));

let folder: string;

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "iptables-"));
});

afterEach(() => fs.rmSync(folder, { recursive: true }));

/** Has commands of these names, each a link to a program, as Debian's alternatives are. */
function install(programs: Readonly<Record<string, string>>): void {
  for (const [name, program] of Object.entries(programs)) {
    fs.writeFileSync(path.join(folder, program), "", { mode: 0o755 });
    if (name !== program) fs.symlinkSync(program, path.join(folder, name));
  }
}

type Ended = { status?: number; signal?: number; stdout?: string; stderr?: string };

/** Commands that end like this, and what was started. */
function stage(ended: Ended | Error = {}) {
  const started: (LaunchOptions & { executable: string; args: readonly string[] })[] = [];
  const bytes = (text = "") => new TextEncoder().encode(text);
  const wait = (): Exit => {
    if (ended instanceof Error) throw ended;
    const { status = ended.signal === undefined ? 0 : undefined, signal } = ended;
    return { status, signal, stdout: bytes(ended.stdout), stderr: bytes(ended.stderr) };
  };
  const invocation: Invocation = invocationFor({
    environment: { PATH: folder },
    launch: (executable, options) => {
      started.push({ ...options, args: options.args ?? [], executable: executable.replace(`${folder}/`, "") });
      return { begin: () => {}, abandon: () => {}, wait };
    },
    restores: undefined,
  });
  return { invocation, started };
}

const DEBIAN = {
  iptables: "xtables-nft-multi",
  "iptables-restore": "xtables-nft-multi",
  "iptables-nft": "xtables-nft-multi",
};
const textOf = ({ stdin }: LaunchOptions) => new TextDecoder().decode(stdin);

describe("listTable()", () => {
  test("prints table nat, or one chain of another, and waits for the lock", () => {
    install({ iptables: "iptables", ip6tables: "ip6tables" });
    const { invocation, started } = stage({ stdout: "-P INPUT ACCEPT\n" });
    expect(listTable(4, invocation)).toBe("-P INPUT ACCEPT\n");
    expect(listTable(6, invocation, { table: "filter", chain: "FORWARD" })).toBe("-P INPUT ACCEPT\n");
    expect(started.map(({ executable, args }) => [executable, ...args].join(" "))).toEqual([
      "iptables -w 30 -t nat -S",
      "ip6tables -w 30 -t filter -S FORWARD",
    ]);
    expect(started.map(textOf)).toEqual(["", ""]);
    expect(started[0]?.environment).toEqual({ PATH: folder });
  });

  test("takes a variant's own command", () => {
    install({ ...DEBIAN, "iptables-legacy": "xtables-legacy-multi" });
    const { invocation, started } = stage();
    listTable(4, invocation, { variant: "nft" });
    listTable(4, invocation, { variant: "legacy" });
    expect(started.map(({ executable }) => executable)).toEqual(["iptables-nft", "iptables-legacy"]);
  });

  test("waits at least a second for the lock, and ten more for the work", () => {
    install(DEBIAN);
    const { invocation, started } = stage();
    listTable(4, { ...invocation, deadline: performance.now() - 5000 });
    listTable(4, { ...invocation, deadline: performance.now() + 2500 });
    expect(started.map(({ args }) => args[1])).toEqual(["1", "3"]);
    expect(started[0]?.deadline).toBe(10_000);
    expect(started[1]?.deadline).toBeGreaterThan(11_000);
  });
});

describe("an IptablesError", () => {
  test.each<[string, Ended | Error, string, string]>([
    [
      "says what the command says, on one line",
      { status: 2, stderr: " bad\n  rule\n" },
      "refused",
      "ended with status 2: bad; rule",
    ],
    ["names the signal", { signal: 9 }, "refused", "ended with signal 9: "],
    [
      "says that the lock is taken",
      { status: 4, stderr: "Another app is currently holding the xtables lock" },
      "busy",
      "has changed nothing: another program has held the xtables lock for 30 seconds",
    ],
    [
      "keeps other failures with the lock's status",
      { status: 4, stderr: "no memory" },
      "refused",
      "status 4: no memory",
    ],
    [
      "keeps other failures that name the lock",
      { status: 2, stderr: "xtables lock" },
      "refused",
      "status 2: xtables lock",
    ],
    [
      "counts a deadline as busy",
      new LinuxError("run it", { syscall: "poll", errno: ERRNO.ETIMEDOUT }),
      "busy",
      "run it",
    ],
    [
      "counts another error as refused",
      new LinuxError("run it", { syscall: "poll", errno: ERRNO.EFBIG }),
      "refused",
      "run it",
    ],
  ])("%s", (_, ended, failure, message) => {
    install(DEBIAN);
    const { invocation } = stage(ended);
    const act = () => listTable(4, invocation);
    expect(act).toThrow(expect.objectContaining({ name: "IptablesError", failure }));
    expect(act).toThrow(message);
  });

  test("is none for a bug", () => {
    install(DEBIAN);
    const { invocation } = stage(new TypeError("a bug"));
    expect(() => listTable(4, invocation)).toThrow(TypeError);
  });
});

describe("startRestore()", () => {
  test("applies its input without flushing, when its result is called", () => {
    install(DEBIAN);
    const { invocation, started } = stage({ status: 1, stderr: "line 2 failed" });
    const wait = startRestore(4, "*nat\nCOMMIT\n", invocation);
    expect(started.map(({ executable, args }) => [executable, ...args].join(" "))).toEqual([
      "iptables-restore --noflush --wait 30",
    ]);
    expect(started.map(textOf)).toEqual(["*nat\nCOMMIT\n"]);
    expect(wait).toThrow("line 2 failed");
  });

  test("gives the command the lock of its owners, one for each family and variant, and closes its own", () => {
    install({
      "iptables-restore": "one",
      "ip6tables-restore": "two",
      "iptables-legacy-restore": "three",
      "ip6tables-legacy-restore": "four",
    });
    const { invocation, started } = stage();
    startRestore(4, "", invocation);
    expect([started[0]?.inherited, locks.held]).toEqual([undefined, []]);
    const owner = { network: "net1", ifname: "eth0", containerId: "c1" };
    const owned = { ...invocation, owners: invocationFor(invocation, owner).owners };
    for (const variant of [undefined, "legacy"] as const)
      for (const family of [4, 6] as const) startRestore(family, "", owned, { variant });
    expect(locks.held).toEqual([0, 1, 2, 3]);
    expect(started.slice(1).map(({ executable }) => executable)).toEqual([
      "iptables-restore",
      "ip6tables-restore",
      "iptables-legacy-restore",
      "ip6tables-legacy-restore",
    ]);
    expect(started.slice(1).map(({ inherited }) => inherited)).toEqual([1000, 1001, 1002, 1003]);
    expect(locks.closed).toEqual([1000, 1001, 1002, 1003]);
  });

  test("holds back what is gathered, and starts nothing", () => {
    install({ "iptables-legacy-restore": "xtables-legacy-multi" });
    const { invocation, started } = stage();
    const held: Restore[] = [];
    const gathering = {
      ...invocation,
      restores: { hold: (restore: Restore) => void held.push(restore), inputs: () => [] },
    };
    startRestore(4, "input", gathering, { variant: "legacy" })();
    expect(held).toEqual([{ family: 4, input: "input", invocation: gathering, variant: "legacy" }]);
    expect(started).toEqual([]);
  });
});

test.each([
  ["xtables-nft-multi", "", "nft"],
  ["xtables-legacy-multi", "", "legacy"],
  ["xtables-multi", "", "legacy"],
  ["iptables-restore", "iptables v1.8.9 (nf_tables)", "nft"],
  ["iptables-restore", "iptables v1.8.9 (legacy)", "legacy"],
] as const)("variantOf() %s that says %j is %s", (program, stdout, variant) => {
  install({ "iptables-restore": program, iptables: "iptables" });
  const { invocation, started } = stage({ stdout });
  expect(variantOf(4, invocation)).toBe(variant);
  expect(started.map(({ executable, args }) => [executable, ...args].join(" "))).toEqual(
    stdout === "" ? [] : ["iptables --version"],
  );
});

test("a command that is not installed is missed before anything is held back", () => {
  const held: Restore[] = [];
  const { invocation, started } = stage();
  const restores = { hold: (restore: Restore) => void held.push(restore), inputs: () => [] };
  const gathering = { ...invocation, environment: { PATH: folder }, restores };
  const act = () => startRestore(4, "input", gathering, { variant: "legacy" });
  expect(act).toThrow(expect.objectContaining({ name: "IptablesError", failure: "missing" }));
  expect(act).toThrow(/^iptables-restore is neither in PATH nor in .*: install iptables$/);
  expect([held, started]).toEqual([[], []]);
});

test("findRestore() is each family's own", () => {
  install({ "iptables-restore": "iptables-restore", "ip6tables-restore": "ip6tables-restore" });
  expect([4, 6].map((family) => findRestore(family === 4 ? 4 : 6, { PATH: folder }))).toEqual([
    `${folder}/iptables-restore`,
    `${folder}/ip6tables-restore`,
  ]);
});

test("runAtOnce() starts every command before it waits for the first", () => {
  const events: string[] = [];
  const command = (name: string) => () => {
    events.push(`start ${name}`);
    return () => void events.push(`end ${name}`);
  };
  runAtOnce([command("one"), command("two")]);
  expect(events).toEqual(["start one", "start two", "end one", "end two"]);
});

test("runAtOnce() waits for the commands that run, even if another does not start", () => {
  const ended: string[] = [];
  const command = (name: string) => () => () => void ended.push(name);
  const refused = () => {
    throw new Error("no memory");
  };
  expect(() => runAtOnce([command("one"), refused, command("three")])).toThrow("no memory");
  expect(ended).toEqual(["one", "three"]);
});

test("runAtOnce() throws the first error, after all commands have ended", () => {
  const ended: string[] = [];
  const failing = (name: string) => () => () => {
    ended.push(name);
    throw new Error(`${name} failed`);
  };
  expect(() => runAtOnce([failing("one"), failing("two")])).toThrow("one failed");
  expect(ended).toEqual(["one", "two"]);
});
