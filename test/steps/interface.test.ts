import { describe, expect, test } from "vitest";
import type { Route } from "../../src/cni/result.ts";
import { addBridge, addVeth } from "../../src/netlink/link/add.ts";
import { getLinkBrief } from "../../src/netlink/link/brief.ts";
import { getLink } from "../../src/netlink/link/get.ts";
import { setLinkUp } from "../../src/netlink/link/set.ts";
import { checkAddresses } from "../../src/steps/check-addresses.ts";
import { announceAddresses, configureInterface, prepareInterface } from "../../src/steps/interface.ts";
import { FakeKernel } from "../kernel/fake-kernel.ts";
import { hostOn } from "../kernel/host.ts";
import { address, prefix } from "../netlink/text.ts";

/** A container with an interface, down, whose other end is up. */
function stage() {
  const kernel = new FakeKernel();
  const host = hostOn(kernel);
  const namespace = kernel.addNamespace("container");
  const container = kernel.openContainer(namespace);
  addBridge(host.netlink, { name: "br0", mac: "02:00:00:00:00:01", up: true });
  const peer = { name: "eth0", mac: "02:00:00:00:00:03", netns: container.netns };
  addVeth(host.netlink, { name: "veth0", master: getLink(host.netlink, "br0").index, up: true, peer });
  return { kernel, host, namespace, container, link: getLinkBrief(container.netlink, "eth0") };
}

const four = { address: prefix("10.88.0.2/16"), gateway: address("10.88.0.1"), interface: 0 };
const six = { address: prefix("fd00:88::2/64"), gateway: address("fd00:88::1"), interface: 0 };
const everywhere = [prefix("0.0.0.0/0"), prefix("::/0")].map((dst) => ({ dst }));

describe("prepareInterface()", () => {
  test("sets the container's parameters, not the host's, and brings the interface up", () => {
    const { kernel, namespace, container, link } = stage();
    const before = kernel.host.sysctls.entries();
    prepareInterface(container, link, { enableDad: false, foreseeable: true, managed: true });
    const value = (path: string) => namespace.sysctls.read(path);
    expect(
      ["addr_gen_mode", "accept_dad", "accept_ra", "ndisc_notify"].map((key) => value(`net/ipv6/conf/eth0/${key}`)),
    ).toEqual(["0", "0", "0", "1"]);
    expect(value("net/ipv4/conf/eth0/arp_notify")).toBe("1");
    expect(kernel.host.sysctls.entries()).toEqual(before);
    expect(getLink(container.netlink, "eth0").up).toBe(true);
  });

  test("looks for duplicates where that is asked for, and lets router advertisements be", () => {
    const { namespace, container, link } = stage();
    namespace.sysctls.write("net/ipv6/conf/eth0/addr_gen_mode", "1");
    prepareInterface(container, link, { enableDad: true, foreseeable: false, managed: false });
    const value = (key: string) => namespace.sysctls.read(`net/ipv6/conf/eth0/${key}`);
    expect(["accept_dad", "enhanced_dad", "accept_ra", "addr_gen_mode"].map(value)).toEqual(["1", "1", "1", "1"]);
  });

  test("goes on where a parameter cannot be set", () => {
    const { namespace, container, link } = stage();
    namespace.sysctls.readOnly.add("net/ipv4/conf/eth0/arp_notify");
    prepareInterface(container, link, { enableDad: false, foreseeable: false, managed: true });
    expect(getLink(container.netlink, "eth0").up).toBe(true);
  });
});

describe("configureInterface()", () => {
  function configured({ ips = [four, six], routes = everywhere as readonly Route[], enableDad = false } = {}) {
    const on = stage();
    setLinkUp(on.container.netlink, on.link);
    configureInterface(on.container, on.link, { ips, routes, enableDad });
    return on;
  }

  test("adds addresses, and routes by the gateway of their family", () => {
    const { kernel } = configured();
    const { addresses = [], routes = [] } = kernel.snapshot()["container"] ?? {};
    expect(addresses).toEqual(
      expect.arrayContaining(["eth0: 10.88.0.2/16 broadcast 10.88.255.255", "eth0: fd00:88::2/64 nodad"]),
    );
    expect(routes).toEqual(
      expect.arrayContaining([
        "0.0.0.0/0 via 10.88.0.1 dev eth0 table 254 priority 0 scope 0 type 1",
        "::/0 via fd00:88::1 dev eth0 table 254 priority 1024 scope 0 type 1",
      ]),
    );
  });

  test("leads to the link itself what says so, and takes the same route once", () => {
    const dst = prefix("10.77.0.0/16");
    const routes = [
      { dst, scope: 253 },
      { dst, scope: 253 },
      { dst: prefix("10.77.1.1/16"), scope: 253 },
    ];
    const { kernel } = configured({ routes });
    const found = kernel.snapshot()["container"]?.routes.filter((each) => each.startsWith("10.77"));
    expect(found).toEqual(["10.77.0.0/16 dev eth0 table 254 priority 0 scope 253 type 1"]);
  });

  test("turns IPv6 on where it is off in containers, and has addresses outlive a link that goes down", () => {
    const on = stage();
    setLinkUp(on.container.netlink, on.link);
    for (const name of ["lo", "eth0"]) on.namespace.sysctls.write(`net/ipv6/conf/${name}/disable_ipv6`, "1");
    configureInterface(on.container, on.link, { ips: [six], routes: [], enableDad: false });
    const value = (path: string) => on.namespace.sysctls.read(`net/ipv6/conf/${path}`);
    expect(["lo/disable_ipv6", "eth0/disable_ipv6", "eth0/keep_addr_on_down"].map(value)).toEqual(["0", "0", "1"]);
  });

  test("enableDad: returns when no other host has the addresses", () => {
    const { namespace, link } = configured({ enableDad: true });
    expect(namespace.addressesOf(link.index, 6).every(({ flags }) => (flags & 0x40) === 0)).toBe(true);
  });

  test("enableDad: refuses an address that another host has", () => {
    const on = stage();
    setLinkUp(on.container.netlink, on.link);
    on.namespace.takenElsewhere = [address("fd00:88::2")];
    const act = () => configureInterface(on.container, on.link, { ips: [six], routes: [], enableDad: true });
    expect(act).toThrow("link eth0 has address fd00:88::2/64 in DADFAILED state");
  });

  test("enableDad: refuses one that is not settled in time, unless the link has no carrier", () => {
    const on = stage();
    setLinkUp(on.container.netlink, on.link);
    on.namespace.later.push = () => 0;
    const act = () => configureInterface(on.container, on.link, { ips: [six], routes: [], enableDad: true });
    expect(act).toThrow("link eth0 has address fd00:88::2/64 still tentative after 15 s");
    const down = stage();
    const config = { ips: [six], routes: [], enableDad: true };
    expect(() => configureInterface(down.container, down.link, config)).not.toThrow();
  });

  test("is what checkAddresses() finds", () => {
    const on = configured();
    const result = {
      cniVersion: "1.1.0",
      interfaces: [{ name: "eth0", sandbox: on.container.path }],
      ips: [four, six],
      routes: everywhere,
      dns: {},
    };
    const link = getLink(on.container.netlink, "eth0");
    const check = () => checkAddresses(on.container.netlink, link, result);
    expect(check()).toEqual([]);
    on.namespace.routes = on.namespace.routes.filter(({ destination }) => destination.length !== 0);
    expect(check()).toEqual(["Route 0.0.0.0/0 is missing", "Route ::/0 is missing"]);
    on.namespace.addresses = on.namespace.addresses.filter(({ prefix: { length } }) => length !== 16);
    expect(check()[0]).toMatch(/^Interface "eth0" has no address 10\.88\.0\.2\/16, found/);
  });
});

test("announceAddresses() gives the interface the MAC that it has", () => {
  const { kernel, container, link } = stage();
  announceAddresses(container, link);
  expect(kernel.log.at(-1)).toBe(`container: set mac 02:00:00:00:00:03 on link "eth0"`);
  expect(getLink(container.netlink, "eth0").mac).toBe("02:00:00:00:00:03");
});
