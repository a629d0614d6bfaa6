import { describe, expect, test } from "vitest";
import { parseBridgeConfig } from "../../../../plugins/bridge/config.ts";
import { deleteSpoofChecks, verifySpoofCheck } from "../../../../plugins/bridge/spoof/checks.ts";
import { SETS } from "../../../../plugins/bridge/spoof/elements.ts";
import {
  admitIps,
  endSpoofCheck,
  endStaleSpoofChecks,
  guardPort,
  learnsUnseen,
  requireSpoofCheck,
  verifySpoofGuard,
} from "../../../../plugins/bridge/spoof/guard.ts";
import { CniError } from "../../../../src/cni/error.ts";
import type { ContainerInterface } from "../../../../src/cni/request.ts";
import { addChain } from "../../../../src/netfilter/nftables/chain.ts";
import { addRule, listRules } from "../../../../src/netfilter/nftables/rule.ts";
import { ACCEPT } from "../../../../src/netfilter/nftables/statement.ts";
import { addTable } from "../../../../src/netfilter/nftables/table.ts";
import { applyTransaction } from "../../../../src/netfilter/nftables/transaction.ts";
import { commented } from "../../../../src/netfilter/nftables/userdata.ts";
import { listOwnedElements } from "../../../../src/netfilter/owned-elements.ts";
import { selectOwner } from "../../../../src/netfilter/owner.ts";
import { REFERENCE_TABLES } from "../../../../src/netfilter/tables.ts";
import { addBridge } from "../../../../src/netlink/link/add.ts";
import { deleteLink } from "../../../../src/netlink/link/delete.ts";
import { getLink } from "../../../../src/netlink/link/get.ts";
import { ALL_GROUPS, ignoreLinkLocalSenders, setPort } from "../../../../src/netlink/link/set.ts";
import type { Remains } from "../../../../src/steps/remains.ts";
import type { Defer } from "../../../../src/steps/undo.ts";
import { connectVeth } from "../../../../src/steps/veth.ts";
import { failEach } from "../../../kernel/failures.ts";
import { FakeKernel } from "../../../kernel/fake-kernel.ts";
import { hostOn } from "../../../kernel/host.ts";
import { address, prefix } from "../../../netlink/text.ts";
import { fakeHost } from "../../../steps/fake-host.ts";
import { addRequest } from "../../request.ts";

const request = addRequest({ cniVersion: "1.1.0", name: "net1", type: "bridge" });
const owner = { network: "net1", ifname: "eth0", containerId: "c1" };
const prefixes = ["10.88.0.2/16", "fd00:88::2/64"].map(prefix);
const ips = prefixes.map((address) => ({ address }));

const SPEC = { ifname: "eth0", mtu: 0, mac: undefined, isolated: false, up: false };

/** A bridge, and a container without a port of it. */
function arrange() {
  const kernel = new FakeKernel();
  const host = hostOn(kernel);
  const container = kernel.openContainer(kernel.addNamespace("container"));
  addBridge(host.netlink, { name: "br0", mac: "02:00:00:00:00:01", up: true });
  return { kernel, host, netlink: kernel.openNetfilter(), container, bridge: getLink(host.netlink, "br0") };
}

/** The same with its port, down. */
function stage() {
  const { container, bridge, ...on } = arrange();
  const veth = connectVeth(on.host, { ...SPEC, bridge, container, owner: request }, () => {});
  return { ...on, place: { request, bridge, veth } };
}

type Stage = ReturnType<typeof stage>;

function checked({ place: { veth } }: Stage, check: "mac" | "strict") {
  return { owner, port: veth.port.index, mac: veth.inside.mac, check };
}

const REFERENCE = { ...REFERENCE_TABLES.spoofCheck, chain: "PREROUTING" };

/** The table of the reference plugins, with a rule for each of these containers, and the chains of c1. */
function referenceRules(...ids: readonly string[]) {
  const userdata = (id: string) => commented("rule", `macspoofchk-${id}-eth0`);
  const names = ["PREROUTING", "cni-br-iface-c1-eth0", "cni-br-iface-c1-eth0-mac"];
  return [
    addTable({ family: REFERENCE.family, name: REFERENCE.table, flags: 0 }),
    ...names.map((name) => addChain({ ...REFERENCE, name })),
    ...ids.map((id) => addRule({ ...REFERENCE, label: "jump", expressions: [ACCEPT], userdata: userdata(id) })),
  ];
}

/** A configuration with such a check. */
function configOf(spoofCheck: "mac" | "strict" | undefined) {
  return { ...parseBridgeConfig(request), spoofCheck };
}

describe("guardPort()", () => {
  test("strict: the rules are there before the port is up, and frames to link-local groups come to them", () => {
    const on = stage();
    const from = on.kernel.requests;
    guardPort(on.host, { netlink: on.netlink, check: "strict" }, on.place);
    const port = getLink(on.host.netlink, on.place.veth.port.name);
    expect(port).toMatchObject({ up: true, port: { groups: ALL_GROUPS } });
    const done = on.kernel.log.slice(from);
    expect(done.findIndex((line) => line.includes("add element"))).toBeLessThan(
      done.findIndex((line) => line.includes("set up true")),
    );
    expect(verifySpoofCheck(on.netlink, { port: checked(on, "strict"), prefixes: [] })).toEqual([]);
  });

  test("mac: the bridge takes no note of senders that no rule sees; twice is once", () => {
    const on = stage();
    guardPort(on.host, { netlink: on.netlink, check: "mac" }, on.place);
    expect(learnsUnseen(getLink(on.host.netlink, "br0"))).toBe(false);
    expect(getLink(on.host.netlink, on.place.veth.port.name).port?.groups).toBe(0);
    const before = on.kernel.requests;
    guardPort(on.host, { netlink: on.netlink, check: "mac" }, { ...on.place, bridge: getLink(on.host.netlink, "br0") });
    expect(on.kernel.log.slice(before).some((line) => line.includes("no_linklocal_learn"))).toBe(false);
  });

  test("leaves neither port nor check behind, whichever request fails: first the port goes", () => {
    // The table stays, for others, and what the bridge has been told.
    const left = ({ kernel }: Pick<Stage, "kernel">) => [
      [...kernel.host.links.values()].map(({ name }) => name),
      kernel.host.rules.tables.flatMap(({ sets }) => sets).flatMap(({ elements }) => elements),
    ];
    const act = ({ host, netlink, container, bridge }: ReturnType<typeof arrange>, defer: Defer) => {
      defer(() => deleteSpoofChecks(netlink, selectOwner(request)));
      const veth = connectVeth(host, { ...SPEC, bridge, container, owner: request }, defer);
      const guard = { netlink, check: "strict" } as const;
      guardPort(host, guard, { request, bridge, veth });
      admitIps(guard, { request, bridge, veth }, ips);
    };
    expect(failEach(arrange, act, left)).toBeGreaterThan(6);
  });
});

test("admitIps() lets the container send from its addresses, where they are checked", () => {
  const on = stage();
  for (const check of ["mac", "strict"] as const) {
    const guard = { netlink: on.netlink, check };
    guardPort(on.host, guard, on.place);
    admitIps(guard, on.place, ips);
    expect(verifySpoofCheck(on.netlink, { port: checked(on, check), prefixes })).toEqual([]);
  }
});

describe("what the checks need", () => {
  const NFTABLES = "the kernel has no nf_tables";

  test.each([
    ["mac", "nftables", `Cannot use macspoofchk true: ${NFTABLES}`],
    ["strict", "nftables", `Cannot use spoofchk "strict": ${NFTABLES}`],
    ["mac", "bridgeRules", `Cannot use macspoofchk true: ${NFTABLES} for bridges, it needs CONFIG_NF_TABLES_BRIDGE`],
    [
      "strict",
      "bridgeRules",
      `Cannot use spoofchk "strict": ${NFTABLES} for bridges, it needs CONFIG_NF_TABLES_BRIDGE`,
    ],
  ] as const)("requireSpoofCheck(): %s of a kernel without %s is refused", (spoofCheck, feature, message) => {
    const { kernel, host } = arrange();
    const act = (check: typeof spoofCheck | undefined) => () => requireSpoofCheck(host, request, configOf(check));
    expect(act(spoofCheck)).not.toThrow();
    kernel.features[feature] = false;
    expect(act(spoofCheck)).toThrow(new CniError("unsupportedField", message));
    expect(act(undefined)).not.toThrow();
  });
});

describe("verifySpoofGuard()", () => {
  /** The differences of a port whose checks are set up, after a change. */
  function differences(check: "mac" | "strict", change: (on: Stage) => void): readonly string[] {
    const on = stage();
    guardPort(on.host, { netlink: on.netlink, check }, on.place);
    admitIps({ netlink: on.netlink, check }, on.place, ips);
    change(on);
    const { veth, bridge } = on.place;
    const port = getLink(on.host.netlink, veth.port.index);
    const known = { request, bridge: getLink(on.host.netlink, bridge.index), veth: { port, inside: insideOf(on) } };
    return verifySpoofGuard(on.host, { ...known, config: configOf(check) }, ips).map((line) =>
      line.replace(veth.port.name, "PORT"),
    );
  }

  const insideOf = ({ kernel, place }: Stage) =>
    getLink(kernel.openRoute(kernel.namespaceAt("/run/netns/container")), place.veth.inside.name);
  const flush = ({ netlink }: Stage) => deleteSpoofChecks(netlink, selectOwner(owner));

  test("finds nothing where nothing has changed", () => {
    expect([differences("mac", () => {}), differences("strict", () => {})]).toEqual([[], []]);
  });

  test("says what the rules do not see", () => {
    const learning: (on: Stage) => void = ({ kernel }) => {
      for (const { bridge } of kernel.host.links.values()) if (bridge !== undefined) bridge.bits = 0;
    };
    expect(differences("mac", learning)).toEqual(['Bridge "br0" has no_linklocal_learn off, expected on']);
    expect(differences("strict", learning)).toEqual([]);
    const forwarding: (on: Stage) => void = ({ host, place }) => setPort(host.netlink, place.veth.port, { groups: 0 });
    expect(differences("strict", forwarding)).toEqual([`Port "PORT" has group_fwd_mask 0, expected ${ALL_GROUPS}`]);
  });

  test("takes the rules of the reference plugins for a check of the MAC, and of nothing else", () => {
    const reference: (on: Stage) => void = (on) => {
      flush(on);
      applyTransaction(on.netlink, referenceRules("c1"), { action: "arrange" });
    };
    expect([differences("mac", flush).length, differences("strict", flush).length]).toEqual([2, 5]);
    expect([differences("mac", reference).length, differences("strict", reference).length]).toEqual([0, 5]);
  });
});

describe("the end of the checks", () => {
  const all = (netlink: Stage["netlink"]) => ({
    within: () => netlink,
    socket: netlink,
    leave: () => {},
    launch: fakeHost().launch,
  });

  test("endSpoofCheck() ends the attachment's, and those of the reference plugins", () => {
    const on = stage();
    guardPort(on.host, { netlink: on.netlink, check: "mac" }, on.place);
    applyTransaction(on.netlink, referenceRules("c1", "c10"), { action: "arrange" });
    endSpoofCheck(request, all(on.netlink));
    expect(listRules(on.netlink, { ...REFERENCE, name: "PREROUTING" })).toHaveLength(1);
    expect(on.kernel.host.rules.find(REFERENCE.family, REFERENCE.table)?.chains).toHaveLength(1);
    expect(verifySpoofCheck(on.netlink, { port: checked(on, "mac"), prefixes: [] })).toHaveLength(2);
  });

  test("endStaleSpoofChecks() ends the network's, but for attachments that are still valid", () => {
    const on = stage();
    guardPort(on.host, { netlink: on.netlink, check: "mac" }, on.place);
    const missing = () => verifySpoofCheck(on.netlink, { port: checked(on, "mac"), prefixes: [] }).length;
    const end = (valid: readonly ContainerInterface[], remains: Pick<Remains, "within"> = all(on.netlink)) =>
      endStaleSpoofChecks(on.host, request, { ...remains, valid });
    end([owner]);
    expect(missing()).toBe(0);
    end([]);
    expect(missing()).toBe(2);
    end([], { within: () => undefined });
  });

  test("endStaleSpoofChecks() ends those of a valid attachment whose port is gone, if its addresses are known", () => {
    const on = stage();
    guardPort(on.host, { netlink: on.netlink, check: "mac" }, on.place);
    const elements = () => listOwnedElements(on.netlink, SETS, selectOwner(owner)).length;
    const end = (attachment: ContainerInterface) =>
      endStaleSpoofChecks(on.host, request, { ...all(on.netlink), valid: [attachment] });
    const again = { ...owner, addresses: [address("10.88.0.9")] };
    end(again);
    expect(elements()).toBe(2);
    deleteLink(on.host.netlink, on.place.veth.port);
    end(owner);
    expect(elements()).toBe(2);
    end(again);
    expect(elements()).toBe(0);
  });
});

test("learnsUnseen() is whether the bridge notes the senders of frames that no rule sees", () => {
  const host = hostOn(new FakeKernel());
  addBridge(host.netlink, { name: "br0" });
  expect(learnsUnseen(getLink(host.netlink, "br0"))).toBe(true);
  ignoreLinkLocalSenders(host.netlink, getLink(host.netlink, "br0"));
  expect(learnsUnseen(getLink(host.netlink, "br0"))).toBe(false);
});
