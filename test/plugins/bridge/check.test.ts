import { describe, expect, test, vi } from "vitest";
import type { Result } from "../../../src/cni/result.ts";
import { formatPrefix } from "../../../src/ip/prefix.ts";
import { deleteAddress } from "../../../src/netlink/address/delete.ts";
import { decoderOf, encodeFields } from "../../../src/netlink/fields.ts";
import { addBridge, addVeth } from "../../../src/netlink/link/add.ts";
import { BR_STATE, PORT_FIELDS } from "../../../src/netlink/link/attributes.ts";
import { deleteLink } from "../../../src/netlink/link/delete.ts";
import { getLink } from "../../../src/netlink/link/get.ts";
import { decodeLink, encodeLink } from "../../../src/netlink/link/message.ts";
import { setLink, setPort } from "../../../src/netlink/link/set.ts";
import { addRoute } from "../../../src/netlink/route/add.ts";
import { addVlans } from "../../../src/netlink/vlan/add.ts";
import { prefix } from "../../netlink/text.ts";
import { attach, said } from "./attachment.ts";

// A host whose only firewall is nf_tables.
vi.mock("../../../src/netfilter/iptables/legacy-table.ts", () => ({
  hasLegacyTable: () => false,
  findInLegacy: () => [],
  readLegacyTable: () => undefined,
}));
vi.mock("../../../src/netfilter/rule-locks.ts", () => ({ awaitRestores: () => true, holdTurn: () => undefined }));

const PLAIN = { ipam: { type: "fixed" } };
const GATEWAY = { ...PLAIN, isGateway: true };

/** A result without the interface of a name. */
const without = (result: Result, name: string): Result => ({
  ...result,
  interfaces: result.interfaces.map((each) => (each.name === name ? { ...each, name: "other" } : each)),
});

/** A link's message, if it is a port's with another state. */
function withPortState(payload: Uint8Array, state: number): Uint8Array {
  const { header, attributes } = decodeLink(payload);
  const { info } = attributes;
  if (info?.portData === undefined) return payload;
  const portData = encodeFields(PORT_FIELDS, { ...decoderOf(PORT_FIELDS)(info.portData), state });
  return encodeLink({ header, attributes: { ...attributes, info: { ...info, portData } } });
}

describe("CHECK of the bridge", () => {
  test("says that it is missing, and nothing of its gateway then", () => {
    const { netlink, check } = attach(GATEWAY);
    deleteLink(netlink, getLink(netlink, "cni0"));
    expect(said(check)).toMatch(/^Bridge "cni0" is missing; Port "veth\w+" is not a port of bridge "cni0"$/);
  });

  test("says that something else has its name", () => {
    const { netlink, check } = attach(PLAIN);
    deleteLink(netlink, getLink(netlink, "cni0"));
    addVeth(netlink, { name: "cni0", peer: { name: "peer" } });
    expect(said(check)).toContain('Link "cni0" is a veth, expected a bridge; ');
  });

  test("says that the result does not have it", () => {
    const { given, check } = attach(PLAIN);
    expect(said(() => check({}, without(given, "cni0")))).toBe(`Bridge "cni0" is not among prevResult's interfaces`);
  });

  test("compares its MAC where containers use it: as a gateway", () => {
    for (const [fields, difference] of [
      [GATEWAY, /^Bridge "cni0" has MAC 02:00:00:00:00:77, expected \S{17}$/],
      [PLAIN, /^$/],
    ] as const) {
      const { netlink, check } = attach(fields);
      setLink(netlink, getLink(netlink, "cni0"), { mac: "02:00:00:00:00:77" });
      expect(said(check)).toMatch(difference);
    }
  });

  test("says that it is down, filters no VLANs, or is not promiscuous, where it has to be", () => {
    const { netlink, check } = attach(PLAIN);
    expect(said(() => check({ promiscMode: true }))).toBe('Bridge "cni0" is not promiscuous, expected promiscMode');
    setLink(netlink, getLink(netlink, "cni0"), { promiscuous: true });
    expect(said(() => check({ promiscMode: true }))).toBe("");
    expect(said(() => check({ vlanTrunk: [] }))).toBe('Bridge "cni0" does not filter VLANs, expected vlan_filtering 1');
    setLink(netlink, getLink(netlink, "cni0"), { up: false });
    expect(said(check)).toContain('Bridge "cni0" is down, expected up');
  });
});

describe("CHECK of the port", () => {
  test("says that the container's interface has none, or one that the result does not have", () => {
    const { netlink, inside, given, port, check } = attach(PLAIN);
    expect(said(() => check({}, without(given, port)))).toBe(`Port "${port}" is not among prevResult's interfaces`);
    deleteLink(netlink, getLink(netlink, port));
    addVeth(inside, { name: "eth0", mac: given.interfaces[2]?.mac, up: true, peer: { name: "elsewhere" } });
    expect(said(check)).toContain("CNI veth created for bridge cni0 was not found");
  });

  test("says that it is on another bridge, or on none", () => {
    const { netlink, port, check } = attach(PLAIN);
    const other = `Port "${port}" is not a port of bridge "cni0"`;
    setLink(netlink, getLink(netlink, port), { master: 0 });
    expect(said(check)).toBe(other);
    addBridge(netlink, { name: "br1", up: true });
    setLink(netlink, getLink(netlink, port), { master: getLink(netlink, "br1").index });
    expect(said(check)).toBe(`${other}, found on "br1"`);
  });

  test("compares its MTU with the result's, or before 1.0.0 with the configuration's", () => {
    const { netlink, given, port, check } = attach({ ...PLAIN, mtu: 1400 });
    const old = { ...given, interfaces: given.interfaces.map(({ mtu: _, ...each }) => each) };
    expect([said(check), said(() => check({}, old)), said(() => check({ mtu: 1300 }))]).toEqual(["", "", ""]);
    setLink(netlink, getLink(netlink, port), { mtu: 1390 });
    const difference = (expected: number) => `Port "${port}" has MTU 1390, expected ${expected}`;
    expect(said(check)).toBe(difference(1400));
    expect(said(() => check({ mtu: 1300 }, old))).toBe(difference(1300));
    expect(said(() => check({ mtu: "auto" }, old))).toBe("");
    expect(said(() => check({ mtu: 0 }, old))).toBe("");
  });

  test("compares its VLANs", () => {
    const { netlink, port, check } = attach({ ...PLAIN, vlan: 100 });
    addVlans(netlink, getLink(netlink, port), [{ id: 7, pvid: false, untagged: false }]);
    expect(said(check)).toMatch(
      /^Port "veth\w+" has VLANs \(PVID 100, untagged 100, tagged 7\), expected \(PVID 100, /,
    );
  });

  test("compares hairpin mode and isolation, whichever they are to be", () => {
    const { netlink, port, check } = attach({ ...PLAIN, hairpinMode: true });
    const link = getLink(netlink, port);
    setPort(netlink, link, { hairpin: false, isolated: true });
    expect(said(check)).toBe(
      `Port "${port}" has hairpin mode off, expected on; Port "${port}" is isolated on, expected off`,
    );
    expect(said(() => check({ hairpinMode: false, portIsolation: true }))).toBe("");
    setPort(netlink, link, { hairpin: true, isolated: false });
    expect(said(() => check({ hairpinMode: false, portIsolation: true }))).toBe(
      `Port "${port}" has hairpin mode on, expected off; Port "${port}" is isolated off, expected on`,
    );
  });

  test("says that the spanning tree holds it back, but not of one that the bridge has turned off", () => {
    const { netlink, port, check } = attach(PLAIN);
    const { request } = netlink;
    const answerWith = (state: number) =>
      vi
        .spyOn(netlink, "request")
        .mockImplementation((asked) =>
          request(asked).map((message) => ({ ...message, payload: withPortState(message.payload, state) })),
        );
    answerWith(BR_STATE.LISTENING);
    expect(said(check)).toBe(`Port "${port}" does not forward: the spanning tree of bridge "cni0" holds it back`);
    setLink(netlink, getLink(netlink, port), { up: false });
    expect(said(check)).not.toContain("does not forward");
    setLink(netlink, getLink(netlink, port), { up: true });
    answerWith(BR_STATE.DISABLED);
    expect(said(check)).toBe("");
  });

  test("compares the spoof checks", () => {
    const { check } = attach(PLAIN);
    expect(said(() => check({ macspoofchk: true }))).not.toBe("");
  });
});

describe("CHECK of the gateway", () => {
  const [gateway4, gateway6] = [prefix("10.88.0.1/16"), prefix("fd00:88::1/64")];

  test.each([gateway4, gateway6])("says which address it has not", (address) => {
    const { netlink, check } = attach(GATEWAY);
    deleteAddress(netlink, getLink(netlink, "cni0"), address);
    expect(said(check)).toContain(`Bridge "cni0" has no address ${formatPrefix(address)}, found `);
  });

  test("says which family the host does not forward, and nothing of that without a gateway", () => {
    for (const [fields, differences] of [
      [
        GATEWAY,
        [
          "The host does not forward IPv4: net.ipv4.ip_forward is 0, expected 1",
          "The host does not forward IPv6: net.ipv6.conf.all.forwarding is 0, expected 1",
        ],
      ],
      [PLAIN, []],
    ] as const) {
      const { kernel, check } = attach(fields);
      kernel.host.sysctls.write("net/ipv4/ip_forward", "0");
      kernel.host.sysctls.write("net/ipv6/conf/all/forwarding", "0");
      expect(said(check)).toBe(differences.join("; "));
    }
  });

  test("in a VLAN is a link of its own, whose addresses it compares", () => {
    const { netlink, given, check } = attach({ ...GATEWAY, vlan: 100 });
    expect(said(() => check({}, without(given, "cni0.100")))).toBe(
      `VLAN gateway "cni0.100" is not among prevResult's interfaces`,
    );
    deleteAddress(netlink, getLink(netlink, "cni0.100"), gateway4);
    expect(said(check)).toContain('VLAN gateway "cni0.100" has no address 10.88.0.1/16, found ');
    deleteLink(netlink, getLink(netlink, "cni0.100"));
    expect(said(check)).toBe('VLAN gateway "cni0.100" is missing');
  });
});

test("CHECK compares masquerade only if it is asked for, with IPAM", () => {
  const { check } = attach(GATEWAY);
  expect(said(() => check({ ipMasq: true }))).not.toBe("");
  const layer2 = attach({});
  expect(said(() => layer2.check({ ipMasq: true }))).toBe("");
});

test("CHECK lets an interface be down that ADD leaves down", () => {
  const { inside, check } = attach({ disableContainerInterface: true });
  expect(getLink(inside, "eth0").up).toBe(false);
  expect(said(check)).toBe("");
  expect(said(() => check({ disableContainerInterface: false }))).toBe(
    'Interface "eth0" in /run/netns/container is down, expected up',
  );
});

describe("CHECK of the container's interface", () => {
  test("says that it is missing, and nothing of a port then", () => {
    const { inside, check } = attach(PLAIN);
    deleteLink(inside, getLink(inside, "eth0"));
    expect(said(check)).toBe('Interface "eth0" in /run/netns/container is missing');
  });

  test("says which address it has not", () => {
    const { inside, check } = attach(PLAIN);
    deleteAddress(inside, getLink(inside, "eth0"), prefix("10.88.0.2/16"));
    expect(said(check)).toContain('Interface "eth0" has no address 10.88.0.2/16, found ');
  });
});

test("CHECK says that the host reaches a container of the gateway through another link", () => {
  const { netlink, check } = attach(GATEWAY);
  addBridge(netlink, { name: "other", mac: "02:00:00:00:00:07", up: true });
  addRoute(netlink, getLink(netlink, "other"), { destination: prefix("10.88.0.0/24") });
  expect(said(check)).toBe(
    'The host reaches 10.88.0.2 through link "other", expected link "cni0": that is its route to 10.88.0.0/24',
  );
});

test("CHECK finds whole checks of the MAC whole, and says nothing of them where the bridge is gone", () => {
  const { netlink, given, check } = attach({ ...GATEWAY, macspoofchk: true });
  expect(said(check)).toBe("");
  expect(said(() => check({}, without(given, "cni0")))).toBe(`Bridge "cni0" is not among prevResult's interfaces`);
  deleteLink(netlink, getLink(netlink, "cni0"));
  expect(said(check)).toMatch(/^Bridge "cni0" is missing; Port "veth\w+" is not a port of bridge "cni0"$/);
});
