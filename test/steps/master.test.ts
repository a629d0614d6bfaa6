import { describe, expect, test } from "vitest";
import { addBridge, addIfb } from "../../src/netlink/link/add.ts";
import { addChild, findChild, MACVLAN_MODE } from "../../src/netlink/link/child.ts";
import { getLink } from "../../src/netlink/link/get.ts";
import { setLink } from "../../src/netlink/link/set.ts";
import { addRoute } from "../../src/netlink/route/add.ts";
import { checkParent, findMaster, refuseMtu, refusePort, reportWireless } from "../../src/steps/master.ts";
import { FakeKernel } from "../kernel/fake-kernel.ts";
import { hostOn } from "../kernel/host.ts";
import { prefix } from "../netlink/text.ts";

function stage() {
  const kernel = new FakeKernel();
  const host = hostOn(kernel);
  const container = kernel.openContainer(kernel.addNamespace("container"));
  addIfb(host.netlink, { name: "up0", mtu: 1400, up: true });
  addIfb(container.netlink, { name: "net1", mtu: 1300, up: true });
  return { kernel, host, container };
}

const OUTSIDE = { linkInContainer: false };
const INSIDE = { linkInContainer: true };

describe("findMaster()", () => {
  test("finds a link by its name, on the host or in the container", () => {
    const { host, container } = stage();
    expect(findMaster(host, container, { master: "up0", ...OUTSIDE }).link.mtu).toBe(1400);
    const inside = findMaster(host, container, { master: "net1", ...INSIDE });
    expect([inside.link.mtu, inside.netlink === container.netlink]).toEqual([1300, true]);
  });

  test.each([
    ["nope0", OUTSIDE, 'Cannot use master "nope0": Link not found on the host'],
    ["up0", INSIDE, 'Cannot use master "up0": Link not found in the container'],
    ["up0\0x", OUTSIDE, 'Cannot use master "up0\\u0000x": Link not found on the host'],
    ["a-name-that-is-too-long", OUTSIDE, 'Cannot use master "a-name-that-is-too-long": Link not found on the host'],
    ["auto", OUTSIDE, "no default route interface found"],
  ])("refuses %o", (master, place, message) => {
    const { host, container } = stage();
    expect(() => findMaster(host, container, { master, ...place })).toThrow(
      expect.objectContaining({ code: 7, message }),
    );
  });

  test.each([undefined, "", "auto"])("finds the link of the default route, of IPv4 before IPv6: %o", (master) => {
    const { host, container } = stage();
    addIfb(host.netlink, { name: "up1", up: true });
    addRoute(host.netlink, getLink(host.netlink, "up1"), { destination: prefix("::/0") });
    expect(findMaster(host, container, { master, ...OUTSIDE }).link.name).toBe("up1");
    addRoute(host.netlink, getLink(host.netlink, "up0"), { destination: prefix("0.0.0.0/0") });
    expect(findMaster(host, container, { master, ...OUTSIDE }).link.name).toBe("up0");
    addRoute(container.netlink, getLink(container.netlink, "net1"), { destination: prefix("0.0.0.0/0") });
    expect(findMaster(host, container, { master, ...INSIDE }).link.name).toBe("net1");
  });
});

test("refuseMtu() takes 0 to the master's", () => {
  for (const mtu of [0, 68, 1500]) refuseMtu(mtu, { mtu: 1500 });
  expect(() => refuseMtu(1501, { mtu: 1500 })).toThrow("invalid MTU 1501, must be [0, master MTU(1500)]");
  expect(() => refuseMtu(-1, { mtu: 1500 })).toThrow("invalid MTU -1, must be [0, master MTU(1500)]");
});

test("refusePort() refuses a port of a bridge", () => {
  const { host } = stage();
  const master = () => findMaster(host, undefined, { master: "up0", ...OUTSIDE });
  refusePort(master());
  addBridge(host.netlink, { name: "br0" });
  setLink(host.netlink, master().link, { master: getLink(host.netlink, "br0").index });
  expect(() => refusePort(master())).toThrow('Cannot use master "up0": it is a port of bridge "br0"');
});

test("reportWireless() logs a link with a radio, and no other", () => {
  const { host } = stage();
  const master = findMaster(host, undefined, { master: "up0", ...OUTSIDE });
  const said = (there: string) => {
    const lines: string[] = [];
    reportWireless(
      master,
      (line) => lines.push(line),
      (file) => file === there,
    );
    return lines;
  };
  for (const name of ["phy80211", "wireless"])
    expect(said(`/sys/class/net/up0/${name}`)).toEqual([
      'Master "up0" is wireless: access points drop frames from other MACs, so the container may reach nobody',
    ]);
  expect(said("/sys/class/net/up1/wireless")).toEqual([]);
});

describe("checkParent()", () => {
  const kind = "macvlan";
  const settings = { mode: MACVLAN_MODE.BRIDGE };

  function parentOf(
    { host, container }: ReturnType<typeof stage>,
    master: string,
    place: { linkInContainer: boolean },
  ) {
    const child = findChild(container.netlink, kind, "eth0");
    if (child === undefined) throw new Error("no eth0");
    const config = { master, ...place };
    return checkParent(child, { config, kind, container, find: () => findMaster(host, container, config) });
  }

  test("compares a master on the host, also one that is a macvlan itself", () => {
    const on = stage();
    const parent = getLink(on.host.netlink, "up0").index;
    addChild(on.host.netlink, { kind, name: "mac0", settings, parent });
    addChild(on.host.netlink, { kind, name: "eth0", settings, parent, netns: on.container.netns });
    expect(parentOf(on, "up0", OUTSIDE)).toEqual([]);
    expect(parentOf(on, "mac0", OUTSIDE)).toEqual([]);
    expect(parentOf(on, "auto", OUTSIDE)).toEqual([]);
    addIfb(on.host.netlink, { name: "up1" });
    expect(parentOf(on, "up1", OUTSIDE)).toEqual([
      expect.stringMatching(/^Interface "eth0" stands on link \d+ outside the container, expected master "up1"/),
    ]);
    // The same number, in the wrong namespace.
    expect(parentOf(on, "net1", INSIDE)).toHaveLength(1);
    expect(() => parentOf(on, "nope0", OUTSIDE)).toThrow("Link not found");
  });

  test("compares a master in the container", () => {
    const on = stage();
    const parent = getLink(on.container.netlink, "net1").index;
    addChild(on.container.netlink, { kind, name: "eth0", settings, parent });
    expect(parentOf(on, "net1", INSIDE)).toEqual([]);
    expect(parentOf(on, "up0", OUTSIDE)).toHaveLength(1);
  });
});
