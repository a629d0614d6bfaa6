import { describe, expect, test } from "vitest";
import { deleteSpoofChecks, verifySpoofCheck } from "../../../../plugins/bridge/spoof/checks.ts";
import { SETS } from "../../../../plugins/bridge/spoof/elements.ts";
import {
  admitIps,
  endSpoofCheck,
  endStaleSpoofChecks,
  guardPort,
  learnsUnseen,
} from "../../../../plugins/bridge/spoof/guard.ts";
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
import { ALL_GROUPS, ignoreLinkLocalSenders } from "../../../../src/netlink/link/set.ts";
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

describe("the end of the checks", () => {
  const REFERENCE = { ...REFERENCE_TABLES.spoofCheck, chain: "PREROUTING" };
  const all = (netlink: Stage["netlink"]) => ({
    within: () => netlink,
    socket: netlink,
    leave: () => {},
    launch: fakeHost().launch,
  });

  test("endSpoofCheck() ends the attachment's, and those of the reference plugins", () => {
    const on = stage();
    guardPort(on.host, { netlink: on.netlink, check: "mac" }, on.place);
    const userdata = (id: string) => commented("rule", `macspoofchk-${id}-eth0`);
    const names = ["cni-br-iface-c1-eth0", "cni-br-iface-c1-eth0-mac"];
    applyTransaction(
      on.netlink,
      [
        addTable({ family: REFERENCE.family, name: REFERENCE.table, flags: 0 }),
        ...["PREROUTING", ...names].map((name) => addChain({ ...REFERENCE, name })),
        ...["c1", "c10"].map((id) =>
          addRule({ ...REFERENCE, label: "jump", expressions: [ACCEPT], userdata: userdata(id) }),
        ),
      ],
      { action: "arrange" },
    );
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
