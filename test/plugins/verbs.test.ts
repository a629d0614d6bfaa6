import fs from "node:fs";
import path from "node:path";
import { describe, expect, test, vi } from "vitest";
import { plugin as bridge } from "../../plugins/bridge/main.ts";
import { plugin as loopback } from "../../plugins/loopback/main.ts";
import type { Delegation } from "../../src/cni/delegate.ts";
import type { Rebuilding } from "../../src/cni/rebuilding.ts";
import type { Result } from "../../src/cni/result.ts";
import { isLinkLocal } from "../../src/ip/address.ts";
import { deleteTable, listTables } from "../../src/netfilter/nftables/table.ts";
import { applyTransaction } from "../../src/netfilter/nftables/transaction.ts";
import { deleteAddress } from "../../src/netlink/address/delete.ts";
import { listAddresses } from "../../src/netlink/address/list.ts";
import { deleteLink } from "../../src/netlink/link/delete.ts";
import { getLink } from "../../src/netlink/link/get.ts";
import { deleteQdisc } from "../../src/netlink/qdisc/delete.ts";
import { findQdisc } from "../../src/netlink/qdisc/get.ts";
import { TC_H } from "../../src/netlink/qdisc/header.ts";
import type { Host } from "../../src/steps/host.ts";
import { failEach } from "../kernel/failures.ts";
import { FakeKernel } from "../kernel/fake-kernel.ts";
import { hostOn } from "../kernel/host.ts";
import { type Case, leased, CASES as OWN_CASES, PLAIN, requestOf, STRICT, type Verb } from "./verb-cases.ts";

// A host whose only firewall is nf_tables: files say what others it has.
vi.mock("../../src/netfilter/iptables/legacy-table.ts", () => ({
  hasLegacyTable: () => false,
  findInLegacy: () => [],
  readLegacyTable: () => undefined,
}));
vi.mock("../../src/netfilter/rule-locks.ts", () => ({ awaitRestores: () => true, holdTurn: () => undefined }));
vi.mock("../../src/linux/tun.ts", () => ({ hasTunDevice: () => true }));
vi.mock("../../src/steps/firewalld.ts", () => ({ findFirewalld: () => undefined, removeSources: () => {} }));

// A test plays a verb as often as it has requests, on a machine that may be busy with others.
vi.setConfig({ testTimeout: 300_000 });

/** Those of verb-cases.ts, and those that a plugin's own folder has. */
const CASES: readonly Case[] = [...OWN_CASES, ...(await findCases())];

/** Told when IPAM gives the addresses back. */
let ipamIsDone = () => {};

/** An IPAM plugin that always has the same addresses. */
const ipam = (): Delegation => ({
  begin: () => {},
  abandon: () => false,
  result: () => leased,
  done: () => ipamIsDone(),
});

type Called = Pick<Case, "plugin" | "fields">;
type Options = Parameters<typeof requestOf>[2];

/** Serves a call with a host of its own, as each process has one. */
function serve<T>(kernel: FakeKernel, run: (host: ReturnType<typeof hostOn>) => T): T {
  return run(hostOn(kernel, { delegate: ipam }));
}

function add(kernel: FakeKernel, which: Called, options?: Options): Result {
  return serve(kernel, (host) => which.plugin.add(requestOf("ADD", which, options), host));
}

/** Any other verb; one that the plugin has not got does nothing. */
function call(kernel: FakeKernel, verb: Exclude<Verb, "ADD">, which: Called, options?: Options): void {
  const { plugin } = which;
  const run = { CHECK: plugin.check, DEL: plugin.del, GC: plugin.gc, STATUS: plugin.status }[verb];
  serve(kernel, (host) => run?.(requestOf(verb, which, options), host));
}

/** A kernel with a container, which is attached to a plain bridge where the plugin follows another one. */
function arrange({ plugin, follows = false, prepare = () => {} }: Case) {
  const kernel = new FakeKernel();
  prepare(kernel);
  const container = kernel.addNamespace("container", { up: plugin !== loopback });
  const given = follows ? add(kernel, { plugin: bridge, fields: PLAIN }) : undefined;
  return { kernel, container, given };
}

/** The same with an attachment. */
function attach(which: Case) {
  const stage = arrange(which);
  const before = ownOf(stage);
  return { ...stage, before, given: add(stage.kernel, which, { given: stage.given }) };
}

type Stage = ReturnType<typeof arrange>;

/** What belongs to an attachment, of all that there is: rule sets stay for others, and so does what the host is told once. */
function ownOf({ kernel, container }: Pick<Stage, "kernel" | "container">) {
  const { host, ...rest } = kernel.snapshot();
  return {
    links: host?.links,
    traffic: host?.traffic,
    elements: host?.rules.filter((line) => line.includes(" element ")),
    inside: [...container.links.values()].map(({ name, flags, mac, mtu, alias }) => [name, flags, mac, mtu, alias]),
    addresses: rest["container"]?.addresses.filter((line) => !line.startsWith("lo")),
    routes: rest["container"]?.routes.filter((line) => !line.includes("dev lo")),
    policy: rest["container"]?.policy,
  };
}

/**
 * What GC is to delete of it: the rest goes with the container and the port. Names and MACs that links have by chance are left out, for
 * attachments made apart from each other.
 */
function collected(stage: Pick<Stage, "kernel" | "container">): readonly string[] {
  const { links = [], elements = [] } = ownOf(stage);
  return [...links, ...elements].map((line) => line.replace(/(..:){5}..|veth[0-9a-f]{8}/g, ""));
}

/**
 * Calls a verb on attachments made anew, and each time another of its requests fails: refused, and carried out with the answer lost.
 * After a second call, with nothing failing, all must be as `expected`. Returns how many requests there are, and which of them failed
 * without the call's saying so.
 */
function failVerb(
  which: Case,
  { verb, isStale = false }: { verb: Exclude<Verb, "ADD">; isStale?: boolean },
  { left, expected }: { left: (stage: Stage) => unknown; expected: (stage: ReturnType<typeof attach>) => unknown },
): { count: number; borne: readonly string[] } {
  const borne: string[] = [];
  const counts = (["refuse", "loseAnswer"] as const).map((how) => {
    for (let n = 1; ; n++) {
      const stage = attach(which);
      const { kernel, given } = stage;
      const wanted = expected(stage);
      const from = kernel.requests;
      kernel[how](n);
      const act = () => call(kernel, verb, which, { given, isStale });
      const isFailed = catchAny(act);
      const isOver = kernel.requests < from + n;
      const asked = `${how} ${kernel.log[from + n - 1]}`;
      if (isOver) {
        expect(isFailed).toBe(false);
        return n - 1;
      }
      if (!isFailed) borne.push(asked);
      kernel.heal();
      act();
      expect({ asked, left: left(stage) }).toEqual({ asked, left: wanted });
    }
  });
  expect(counts[1]).toBe(counts[0]);
  return { count: counts[0] ?? 0, borne };
}

async function findCases(): Promise<readonly Case[]> {
  const folders = fs.readdirSync(import.meta.dirname, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const files = folders.map(({ name }) => path.join(import.meta.dirname, name, "verb-case.ts")).filter(fs.existsSync);
  const found: readonly { readonly CASES: readonly Case[] }[] = await Promise.all(files.map((file) => import(file)));
  return found.flatMap((each) => each.CASES);
}

/** IPAM plugins, whose verbs run on real files or change nothing: each has tests of its own. */
const WITHOUT_CASE = ["dhcp", "host-local", "static"];

test("every plugin has a case here, but those of IPAM", () => {
  const folder = path.join(import.meta.dirname, "../../plugins");
  const found = fs.readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const names = found.map(({ name }) => name).filter((name) => !WITHOUT_CASE.includes(name));
  expect([...new Set(CASES.map(({ plugin }) => plugin.name))].sort()).toEqual(names.sort());
});

describe.each([...CASES, STRICT])("$title", (which) => {
  test("does what it says: CHECK finds all that ADD made, GC and STATUS change nothing, and after DEL nothing is left", () => {
    const stage = arrange(which);
    const { kernel } = stage;
    const before = ownOf(stage);
    const given = add(kernel, which, { given: stage.given });
    const made = ownOf(stage);
    expect(made).not.toEqual(before);
    call(kernel, "CHECK", which, { given });
    call(kernel, "GC", which);
    call(kernel, "STATUS", which);
    call(kernel, "CHECK", which, { given });
    expect(ownOf(stage)).toEqual(made);
    const after = which.endsWithInterface === true ? made : before;
    call(kernel, "DEL", which, { given });
    expect(ownOf(stage)).toEqual(after);
    call(kernel, "DEL", which, { given });
    expect(ownOf(stage)).toEqual(after);
  });
});

describe.each(CASES)("$title", (which) => {
  test("ADD leaves nothing behind, whichever of its requests fails", () => {
    const act = ({ kernel, given }: Stage) => void add(kernel, which, { given });
    expect(failEach(() => arrange(which), act, ownOf)).toBeGreaterThan(1);
  });

  test("DEL does the rest when it is called again, whichever of its requests fails", () => {
    const isLeft = which.endsWithInterface === true;
    const expected = (stage: ReturnType<typeof attach>) => (isLeft ? ownOf(stage) : stage.before);
    const { count, borne } = failVerb(which, { verb: "DEL" }, { left: ownOf, expected });
    expect(borne).toEqual([]);
    if (!isLeft) expect(count).toBeGreaterThan(1);
  });

  test("GC of what is gone does the rest when it is called again, whichever of its requests fails", () => {
    const wanted = collected(which.isInUse === true ? attach(which) : arrange(which));
    const { borne } = failVerb(which, { verb: "GC", isStale: true }, { left: collected, expected: () => wanted });
    expect(borne).toEqual([]);
  });

  test.each(["CHECK", "STATUS"] as const)("%s says whichever of its requests fails, and changes nothing", (verb) => {
    const { borne } = failVerb(which, { verb }, { left: ownOf, expected: ownOf });
    expect(borne).toEqual([]);
  });
});

/** Takes from the host what others take: all rules, addresses of bridges, forwarding, limits and the links that serve them. */
function plunder(kernel: FakeKernel): void {
  const netfilter = kernel.openNetfilter();
  const tables = listTables(netfilter).map(({ family, name = "" }) => deleteTable({ family, name }));
  if (tables.length > 0) applyTransaction(netfilter, tables, { action: "flush the rules" });
  const host = kernel.openRoute();
  for (const { name, kind } of [...kernel.host.links.values()]) {
    const link = getLink(host, name);
    const qdisc = findQdisc(host, link, TC_H.ROOT);
    if (qdisc?.kind === "tbf") deleteQdisc(host, link, qdisc);
    if (kind === "ifb") deleteLink(host, link);
    if (kind !== "bridge") continue;
    for (const { prefix } of listAddresses(host, link))
      if (!isLinkLocal(prefix.address)) deleteAddress(host, link, prefix);
  }
  kernel.host.sysctls.write("net/ipv4/ip_forward", "0");
  kernel.host.sysctls.write("net/ipv6/conf/all/forwarding", "0");
}

/** Commands of iptables that find no rules: what nf_tables lacks may be there instead. */
const launch: Host["launch"] = () => ({
  begin: () => {},
  wait: () => ({ status: 0, signal: undefined, stdout: new Uint8Array(), stderr: new Uint8Array() }),
  abandon: () => {},
});

function reapply(kernel: FakeKernel, { plugin, fields }: Called, options?: Options): Rebuilding {
  const request = requestOf("CHECK", { plugin, fields }, options);
  return plugin.reapply?.(request, hostOn(kernel, { delegate: ipam, launch })) ?? { rebuilt: [], failed: [] };
}

const BOUND: readonly Case[] = [
  { title: "bridge with masquerade", plugin: bridge, fields: { ...PLAIN, ipMasq: true } },
  { title: "bridge with a check of the MAC", plugin: bridge, fields: { ...PLAIN, macspoofchk: true } },
];

describe.each([...CASES.filter(({ plugin }) => plugin.reapply !== undefined), ...BOUND])("$title", (which) => {
  const whole = (kernel: FakeKernel) => ({ ...kernel.snapshot(), host: { ...kernel.snapshot()["host"], links: [] } });

  test("reapply rebuilds what others took, and nothing where nothing is missing", () => {
    const { kernel, given } = attach(which);
    const made = whole(kernel);
    expect(reapply(kernel, which, { given })).toEqual({ rebuilt: [], failed: [] });
    expect(whole(kernel)).toEqual(made);
    plunder(kernel);
    const first = which.follows === true ? reapply(kernel, { plugin: bridge, fields: PLAIN }, { given }) : undefined;
    expect(first?.failed ?? []).toEqual([]);
    const { rebuilt, failed } = reapply(kernel, which, { given });
    expect(failed).toEqual([]);
    expect(rebuilt).not.toEqual([]);
    expect(whole(kernel)).toEqual(made);
    expect(reapply(kernel, which, { given })).toEqual({ rebuilt: [], failed: [] });
    expect(whole(kernel)).toEqual(made);
  });

  test("reapply says whichever of its requests fails, and does the rest when it is called again", () => {
    for (let n = 1; ; n++) {
      const { kernel, given } = attach(which);
      plunder(kernel);
      if (which.follows === true) reapply(kernel, { plugin: bridge, fields: PLAIN }, { given });
      const from = kernel.requests;
      kernel.refuse(n);
      let said = false;
      try {
        said = reapply(kernel, which, { given }).failed.length > 0;
      } catch {
        said = true;
      }
      if (kernel.requests < from + n) break;
      const asked = kernel.log[from + n - 1];
      kernel.heal();
      const { failed } = reapply(kernel, which, { given });
      call(kernel, "CHECK", which, { given });
      expect({ asked, said, failed }).toEqual({ asked, said: true, failed: [] });
    }
  });
});

test("DEL of bridge gives the addresses back when the interface is gone, however long the kernel takes", () => {
  const plain = { title: "", plugin: bridge, fields: PLAIN };
  const { kernel, container, given } = attach(plain);
  kernel.isSlow = true;
  const left: string[][] = [];
  ipamIsDone = () => left.push([...container.links.values()].map(({ name }) => name));
  call(kernel, "DEL", plain, { given });
  ipamIsDone = () => {};
  expect(left).toEqual([["lo"]]);
});

function catchAny(act: () => void): boolean {
  try {
    act();
    return false;
  } catch {
    return true;
  }
}
