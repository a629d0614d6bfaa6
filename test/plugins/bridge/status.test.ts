import { describe, expect, test, vi } from "vitest";
import { addAddress } from "../../../src/netlink/address/add.ts";
import { addBridge, addVeth } from "../../../src/netlink/link/add.ts";
import { getLink } from "../../../src/netlink/link/get.ts";
import { addRoute } from "../../../src/netlink/route/add.ts";
import { prefix } from "../../netlink/text.ts";
import { arrange, said } from "./attachment.ts";

// A host whose only firewall is nf_tables.
vi.mock("../../../src/netfilter/iptables/legacy-table.ts", () => ({
  hasLegacyTable: () => false,
  findInLegacy: () => [],
  readLegacyTable: () => undefined,
}));
vi.mock("../../../src/netfilter/rule-locks.ts", () => ({ awaitRestores: () => true, holdTurn: () => undefined }));

/** STATUS on a host that is prepared so. */
function statusOf(fields: object, prepare: (stage: ReturnType<typeof arrange>) => void = () => {}): string {
  const stage = arrange(fields);
  prepare(stage);
  return said(() => stage.status());
}

type Prepare = Parameters<typeof statusOf>[1];

describe("STATUS of the kernel and the bridge's name", () => {
  const missing = (kind: string) => `The kernel has no links of kind "${kind}": load its module, "modprobe ${kind}"`;

  test("names each kind of link that the kernel has not, and asks for bridges only if there is none yet", () => {
    const without: Prepare = ({ kernel }) => {
      kernel.features.kinds.delete("bridge");
      kernel.features.kinds.delete("veth");
    };
    expect(statusOf({}, without)).toBe(`${missing("bridge")}; ${missing("veth")}`);
    const withBridge: Prepare = ({ kernel, host }) => {
      addBridge(host.netlink, { name: "cni0" });
      kernel.features.kinds.delete("bridge");
    };
    expect(statusOf({}, withBridge)).toBe("");
  });

  test("says what has the bridge's name", () => {
    const veth: Prepare = ({ host }) => addVeth(host.netlink, { name: "cni0", peer: { name: "peer" } });
    const advice = 'must be a bridge or free: rename or delete it, or set "bridge" to another name';
    expect(statusOf({ vlan: 100 }, veth)).toBe(`Link "cni0" is of kind "veth", ${advice}`);
    expect(statusOf({ bridge: "lo" })).toBe(`Link "lo" is a device, ${advice}`);
  });

  test("says that the bridge or the kernel filters no VLANs, if that is needed", () => {
    const plain: Prepare = ({ host }) => addBridge(host.netlink, { name: "cni0" });
    expect(statusOf({ vlan: 100 }, plain)).toMatch(/^Cannot use vlan 100: bridge "cni0" does not filter VLANs/);
    expect(statusOf({}, plain)).toBe("");
    const old: Prepare = ({ kernel }) => {
      kernel.features.vlanFiltering = false;
    };
    expect(statusOf({ vlan: 100 }, old)).toContain("it needs CONFIG_BRIDGE_VLAN_FILTERING");
    expect(statusOf({}, old)).toBe("");
  });

  test("says what masquerade and spoof checks lack, where they are asked for", () => {
    const none: Prepare = ({ host }) => {
      vi.spyOn(host, "openNetfilter").mockImplementation(() => {
        throw new Error("no nf_tables");
      });
    };
    for (const fields of [{}, { ipMasq: true }, { ipam: { type: "fixed" } }]) expect(statusOf(fields, none)).toBe("");
    const masquerade = { ipMasq: true, ipMasqBackend: "nftables", ipam: { type: "fixed" } };
    expect(statusOf(masquerade, none)).not.toBe("");
    expect(statusOf({ macspoofchk: true }, none)).not.toBe("");
  });
});

describe("STATUS of a network of host-local", () => {
  const pool = { type: "host-local", subnet: "10.88.0.0/16" };
  const gateway = (ipam: object = {}, more: object = {}) => ({ isGateway: true, ...more, ipam: { ...pool, ...ipam } });
  const outside = (text: string, subnet: string) =>
    `Gateway ${text} is outside the subnet ${subnet}, so containers cannot reach it: correct "gateway"`;

  /** A link of others with an address, and with a route where one is given. */
  const other =
    (prefixes: readonly string[], routes: readonly string[] = []) =>
    ({ host: { netlink } }: ReturnType<typeof arrange>) => {
      addBridge(netlink, { name: "other", mac: "02:00:00:00:00:07", up: true });
      const link = getLink(netlink, "other");
      for (const each of prefixes) addAddress(netlink, link, { prefix: prefix(each), withoutDad: true });
      for (const each of routes) addRoute(netlink, link, { destination: prefix(each) });
    };

  test("finds nothing on a host where nothing is in the way", () => {
    expect(statusOf(gateway())).toBe("");
    expect(statusOf(gateway({ subnet: "fd00:88::/64" }))).toBe("");
  });

  test("says of each pool that its gateway is outside its subnet, also without a gateway on the host", () => {
    const text = outside("10.99.0.1", "10.88.0.0/16");
    expect(statusOf({ ipam: { ...pool, gateway: "10.99.0.1" } })).toBe(text);
    const ranges = [[{ subnet: "10.88.0.0/16", gateway: "10.99.0.1" }], [{ subnet: "fd00::/64", gateway: "fd01::1" }]];
    expect(statusOf({ ipam: { type: "host-local", ranges } })).toBe(`${text}; ${outside("fd01::1", "fd00::/64")}`);
  });

  test("leaves it to others to say what is no subnet, and asks nothing of another IPAM plugin", () => {
    const others = [{ subnet: "x" }, { gateway: "x" }, { subnet: 7 }, { subnet: "x", gateway: "10.99.0.1" }];
    for (const ipam of others) expect(statusOf(gateway(ipam))).toBe("");
    expect(statusOf({ isGateway: true, ipam: { ...pool, type: "fixed", gateway: "10.99.0.1" } })).toBe("");
  });

  test("says which other link has the gateway's address", () => {
    const taken = 'Link "other" has the gateway\'s address 10.88.0.1: delete it there, or change "gateway"';
    expect(statusOf(gateway(), other(["10.88.0.1/24"]))).toBe(taken);
    expect(statusOf(gateway({ gateway: "10.88.0.7" }), other(["10.88.0.7/32"]))).toBe(taken.replace("0.1:", "0.7:"));
  });

  test("says through which other link the host reaches the subnet, or a part of it that is more than one address", () => {
    const taken = (part: string) =>
      `The host reaches ${part} through link "other", so it does not reach containers in 10.88.0.0/16: give the network another subnet`;
    expect(statusOf(gateway(), other(["10.88.5.5/16"]))).toBe(taken("10.88.0.0/16"));
    expect(statusOf(gateway(), other([], ["10.88.255.0/24"]))).toBe(taken("10.88.255.0/24"));
    expect(statusOf(gateway(), other([], ["10.88.255.254/32"]))).toBe("");
    expect(statusOf(gateway(), other([], ["10.0.0.0/8", "10.88.1.0/24"]))).toBe("");
  });

  test("says so of a route through several links, by the first", () => {
    const several: Prepare = (stage) => {
      other([], ["10.88.0.0/16"])(stage);
      addBridge(stage.host.netlink, { name: "another", up: true });
      const ways = ["other", "another"].map((name) => ({
        index: getLink(stage.host.netlink, name).index,
        gateway: undefined,
      }));
      stage.kernel.host.routes = stage.kernel.host.routes.map((each) =>
        each.destination.length === 16 ? { ...each, ways } : each,
      );
    };
    expect(statusOf(gateway(), several)).toContain('The host reaches 10.88.0.0/16 through link "other", so');
  });

  test("asks about an address that a container may get: the last but the broadcast address and the gateway", () => {
    const small = { subnet: "10.88.0.0/30", gateway: "10.88.0.2" };
    const route = (text: string) => statusOf(gateway(small), other([], [text]));
    expect(route("10.88.0.0/31")).toContain("The host reaches 10.88.0.0/31 through");
    const single = (text: string) =>
      statusOf(gateway({ subnet: "10.88.0.9/32", gateway: "10.88.0.9" }), other([], [text]));
    expect(single("10.88.0.9/32")).toContain("The host reaches 10.88.0.9/32 through");
    expect(statusOf(gateway({ subnet: "10.88.0.0/31", gateway: "10.88.0.0" }), other([], ["10.88.0.0/31"]))).toContain(
      "The host reaches 10.88.0.0/31 through",
    );
  });

  /** The bridge with these addresses. */
  const own =
    (name: string, ...prefixes: readonly string[]): Prepare =>
    ({ host: { netlink } }) => {
      addBridge(netlink, { name, mac: "02:00:00:00:00:07", up: true, vlanFiltering: true });
      const link = getLink(netlink, name);
      for (const each of prefixes) addAddress(netlink, link, { prefix: prefix(each), withoutDad: true });
    };

  test("says that the gateway has another address, unless ADD may replace it", () => {
    const conflict =
      /^"cni0" already has an IP address different from 10\.88\.0\.1\/16 \(found 10\.99\.0\.1\/24; set forceAddress/;
    const bridge = own("cni0", "10.99.0.1/24");
    expect(statusOf(gateway(), bridge)).toMatch(conflict);
    expect(statusOf(gateway({}, { forceAddress: true }), bridge)).toBe("");
    expect(statusOf({ ipam: pool }, bridge)).toBe("");
    expect(statusOf(gateway({ subnet: "fd00:88::/64" }), bridge)).toBe("");
    expect(statusOf(gateway({ gateway: "10.88.0.1" }), own("cni0", "10.88.0.1/16"))).toBe("");
    // ADD adds nothing then.
    expect(statusOf(gateway(), own("cni0", "10.88.0.1/16", "10.99.0.1/24"))).toBe("");
  });

  test("looks at the gateway of a VLAN, which is a link of its own", () => {
    const vlan = { vlan: 100 };
    expect(statusOf(gateway({}, vlan), own("cni0", "10.99.0.1/24"))).toBe("");
    expect(statusOf(gateway({}, vlan), own("cni0.100", "10.99.0.1/24"))).toMatch(
      /^"cni0.100" already has an IP address/,
    );
    expect(statusOf(gateway({}, vlan), own("cni0.100", "10.88.0.1/16"))).toBe("");
  });

  test("says nothing of clashes where an ADD fails anyway", () => {
    const stage = arrange({ bridge: "lo", ...gateway({ gateway: "10.99.0.1" }) });
    expect(said(() => stage.status())).not.toContain("outside");
  });
});
