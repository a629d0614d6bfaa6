import { describe, expect, test, vi } from "vitest";
import { plugin as bridge } from "../../plugins/bridge/main.ts";
import { plugin as loopback } from "../../plugins/loopback/main.ts";
import { failEach } from "../kernel/failures.ts";
import { FakeKernel } from "../kernel/fake-kernel.ts";
import { run } from "../kernel/system.ts";
import { CASES, type Case, leased, PLAIN, requestOf, STRICT } from "./verb-cases.ts";

vi.mock("../../src/linux/sysctl.ts", async () => (await import("../kernel/system.ts")).sysctl);
vi.mock("../../src/linux/netns.ts", async () => (await import("../kernel/system.ts")).netns);
vi.mock("../../src/linux/ifreq.ts", async (original) => ({
  ...(await original<object>()),
  ...(await import("../kernel/system.ts")).ifreq,
}));
vi.mock("../../src/netlink/socket.ts", async (original) => ({
  ...(await original<object>()),
  ...(await import("../kernel/system.ts")).socket,
}));
vi.mock("../../src/steps/bridge-lock.ts", async () => (await import("../kernel/system.ts")).bridgeLock);
vi.mock("../../src/steps/container.ts", async (original) => ({
  ...(await original<object>()),
  identifyContainer: ({ netns }: { netns: number }) => `${netns}`,
}));
// A host whose only firewall is nf_tables, and an IPAM plugin that always has the same addresses.
vi.mock("../../src/netfilter/iptables/legacy-table.ts", () => ({
  hasLegacyTable: () => false,
  findInLegacy: () => [],
  readLegacyTable: () => undefined,
}));
vi.mock("../../src/netfilter/rule-locks.ts", () => ({ awaitRestores: () => true, holdTurn: () => undefined }));
vi.mock("../../plugins/firewall/firewalld.ts", () => ({ findFirewalld: () => undefined, removeSources: () => {} }));
vi.mock("../../src/cni/delegate.ts", async (original) => ({
  ...(await original<object>()),
  startDelegate: () => ({ begin: () => {}, abandon: () => false, result: () => leased, done: () => ipamIsDone() }),
}));

/** Told when IPAM gives the addresses back. */
let ipamIsDone = () => {};

/** A kernel with a container, which is attached to a plain bridge where the plugin follows another one. */
function arrange({ plugin, follows = false }: Case) {
  const kernel = run(new FakeKernel());
  const container = kernel.addNamespace("container", { up: plugin !== loopback });
  const given = follows ? bridge.add(requestOf("ADD", { title: "", plugin: bridge, fields: PLAIN })) : undefined;
  return { kernel, container, given };
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
  };
}

describe.each([...CASES, STRICT])("$title", (which) => {
  const { plugin } = which;

  test("does what it says: CHECK finds all that ADD made, GC and STATUS change nothing, and after DEL nothing is left", () => {
    const stage = arrange(which);
    const before = ownOf(stage);
    const result = plugin.add(requestOf("ADD", which, stage.given));
    const made = ownOf(stage);
    expect(made).not.toEqual(before);
    plugin.check(requestOf("CHECK", which, result));
    plugin.gc?.(requestOf("GC", which));
    plugin.status?.(requestOf("STATUS", which));
    plugin.check(requestOf("CHECK", which, result));
    expect(ownOf(stage)).toEqual(made);
    plugin.del(requestOf("DEL", which, result));
    expect(ownOf(stage)).toEqual(before);
    plugin.del(requestOf("DEL", which, result));
    expect(ownOf(stage)).toEqual(before);
  });
});

describe.each(CASES)("$title", (which) => {
  const { plugin } = which;

  test("ADD leaves nothing behind, whichever of its requests fails", () => {
    const act = ({ given }: Stage) => void plugin.add(requestOf("ADD", which, given));
    expect(failEach(() => arrange(which), act, ownOf)).toBeGreaterThan(1);
  });

  test("DEL does the rest when it is called again, whichever of its requests fails", () => {
    for (const how of ["refuse", "loseAnswer"] as const) {
      for (let [n, isOver] = [1, false]; !isOver; n++) {
        const stage = arrange(which);
        const before = ownOf(stage);
        const result = plugin.add(requestOf("ADD", which, stage.given));
        const from = stage.kernel.requests;
        stage.kernel[how](n);
        const del = () => plugin.del(requestOf("DEL", which, result));
        const isFailed = catchAny(del);
        isOver = stage.kernel.requests < from + n;
        expect(isFailed).toBe(!isOver);
        stage.kernel.heal();
        del();
        expect({ asked: stage.kernel.log[from + n - 1], left: ownOf(stage) }).toMatchObject({ left: before });
      }
    }
  });
});

test("DEL of bridge gives the addresses back when the interface is gone, however long the kernel takes", () => {
  const [, plain] = CASES;
  if (plain === undefined) throw new Error("unreachable");
  const { kernel, container } = arrange(plain);
  const result = bridge.add(requestOf("ADD", plain));
  kernel.isSlow = true;
  const left: string[][] = [];
  ipamIsDone = () => left.push([...container.links.values()].map(({ name }) => name));
  bridge.del(requestOf("DEL", plain, result));
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
