import { describe, expect, test, vi } from "vitest";
import { plugin } from "../../../plugins/bridge/main.ts";
import { selectOwner } from "../../../src/netfilter/owner.ts";
import { addBridge } from "../../../src/netlink/link/add.ts";
import { findLink } from "../../../src/netlink/link/get.ts";
import { listOwnPorts } from "../../../src/steps/own-ports.ts";
import { arrange, said } from "./attachment.ts";

// A host whose only firewall is nf_tables.
vi.mock("../../../src/netfilter/iptables/legacy-table.ts", () => ({
  hasLegacyTable: () => false,
  findInLegacy: () => [],
  readLegacyTable: () => undefined,
}));
vi.mock("../../../src/netfilter/rule-locks.ts", () => ({ awaitRestores: () => true, holdTurn: () => undefined }));

const GATEWAY = { isGateway: true, macspoofchk: true, removeEmptyBridge: true, ipam: { type: "fixed" } };

const [ONE, TWO, OTHER] = [
  { network: "net1", containerId: "c1", ifname: "eth0", netns: "/run/netns/container" },
  { network: "net1", containerId: "c2", ifname: "eth0", netns: "/run/netns/two" },
  { network: "net2", containerId: "c3", ifname: "eth0", netns: "/run/netns/other" },
];

/** A machine on which these are attached to bridge cni0, whose network may be changed later. */
function attached(fields: object, ...attachments: readonly (typeof ONE)[]) {
  const stage = arrange(fields);
  const { kernel, host, request } = stage;
  for (const name of ["two", "other"]) kernel.addNamespace(name, { up: true });
  const call = (verb: "ADD" | "DEL" | "GC", which: object, more: object = {}) => ({ ...request(verb, more), ...which });
  for (const each of attachments) plugin.add(call("ADD", each), host);
  const del = (which: typeof ONE, more: object = {}) => plugin.del(call("DEL", which, more), host);
  const gc = (valid: readonly (typeof ONE)[] | undefined, more: object = {}) => {
    const list = valid?.map(({ containerId, ifname }) => ({ containerID: containerId, ifname }));
    plugin.gc?.(call("GC", ONE, { "cni.dev/valid-attachments": list, ...more }), host);
  };
  /** Which of them have a port, and spoof checks. */
  const left = () => {
    const lines = kernel.snapshot()["host"]?.rules.filter((line) => line.includes(" element ")) ?? [];
    return [ONE, TWO, OTHER].map((each) => ({
      ports: listOwnPorts(host, selectOwner(each)).length,
      checks: lines.filter((line) => line.includes(`id: ${each.containerId}`)).length,
    }));
  };
  const has = (name: string) => findLink(host.netlink, name) !== undefined;
  return { ...stage, del, gc, left, has };
}

const [WHOLE, GONE] = [
  { ports: 1, checks: 2 },
  { ports: 0, checks: 0 },
];

describe("DEL of bridge", () => {
  test("takes the attachment's port and spoof checks, and the bridge with the last port", () => {
    const { del, left, has } = attached(GATEWAY, ONE, TWO);
    expect(left()).toEqual([WHOLE, WHOLE, GONE]);
    del(ONE);
    expect([left(), has("cni0")]).toEqual([[GONE, WHOLE, GONE], true]);
    del(TWO);
    expect([left(), has("cni0")]).toEqual([[GONE, GONE, GONE], false]);
  });

  test("keeps an empty bridge unless it is told to delete it, and one that others made in any case", () => {
    const plain = attached({ ...GATEWAY, removeEmptyBridge: false }, ONE);
    plain.del(ONE);
    expect(plain.has("cni0")).toBe(true);
    const others = attached(GATEWAY);
    addBridge(others.host.netlink, { name: "cni0", mac: "02:00:00:00:00:01" });
    plugin.add(others.request("ADD"), others.host);
    others.del(ONE);
    expect([others.left()[0], others.has("cni0")]).toEqual([GONE, true]);
  });

  test("deletes the bridge that the port was on, and the one that the configuration names by now", () => {
    const { del, has, request, host } = attached(GATEWAY, ONE);
    plugin.add({ ...request("ADD", { bridge: "br1" }), ...TWO }, host);
    plugin.del({ ...request("DEL", { bridge: "br1", removeEmptyBridge: false }), ...TWO }, host);
    expect([has("cni0"), has("br1")]).toEqual([true, true]);
    del(ONE, { bridge: "br1" });
    expect([has("cni0"), has("br1")]).toEqual([false, false]);
  });

  test("deletes the gateway of a VLAN before its bridge, when no container is left", () => {
    const { del, has } = attached({ ...GATEWAY, vlan: 100 }, ONE, TWO);
    del(ONE);
    expect([has("cni0"), has("cni0.100")]).toEqual([true, true]);
    del(TWO);
    expect([has("cni0"), has("cni0.100")]).toEqual([false, false]);
  });
});

describe("GC of bridge", () => {
  test("takes what is stale of its network, and nothing of another on the same bridge", () => {
    const { gc, left, has } = attached(GATEWAY, ONE, TWO, OTHER);
    gc([TWO]);
    expect([left(), has("cni0")]).toEqual([[GONE, WHOLE, WHOLE], true]);
    gc([]);
    expect([left(), has("cni0")]).toEqual([[GONE, GONE, WHOLE], true]);
  });

  test("takes the bridge with the last stale port, also one that is no longer configured", () => {
    const { gc, has } = attached(GATEWAY, ONE);
    gc([], { bridge: "br1" });
    expect(has("cni0")).toBe(false);
  });

  test("without a list takes nothing, and has IPAM collect", () => {
    const { host, gc, left } = attached(GATEWAY, ONE, TWO);
    const delegate = vi.spyOn(host, "delegate");
    gc(undefined);
    expect(left()).toEqual([WHOLE, WHOLE, GONE]);
    expect(delegate.mock.calls.map(([, { command }]) => command)).toEqual(["GC"]);
  });
});

test.each<[string, (on: ReturnType<typeof attached>) => void]>([
  ["DEL", ({ del }) => del(ONE)],
  ["GC", ({ gc }) => gc([])],
])("%s keeps the checks of a port that it cannot delete", (_, act) => {
  const twin = attached(GATEWAY, ONE);
  const from = twin.kernel.requests;
  act(twin);
  const deletion = twin.kernel.log.slice(from).findIndex((line) => line.includes('delete link "veth'));
  const stage = attached(GATEWAY, ONE);
  stage.kernel.refuse(deletion + 1);
  expect(said(() => act(stage))).toContain('Cannot delete link "veth');
  expect(stage.left()[0]).toEqual(WHOLE);
});
