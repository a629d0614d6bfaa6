import { describe, expect, test } from "vitest";
import { addAddress } from "../../src/netlink/address/add.ts";
import { addIfb } from "../../src/netlink/link/add.ts";
import { findChild, MACVLAN_MODE } from "../../src/netlink/link/child.ts";
import { findLink, getLink } from "../../src/netlink/link/get.ts";
import { setLink } from "../../src/netlink/link/set.ts";
import { findOwnChild, makeChild, refuseTaken } from "../../src/steps/child-link.ts";
import { findMaster } from "../../src/steps/master.ts";
import type { Defer } from "../../src/steps/undo.ts";
import { failEach } from "../kernel/failures.ts";
import { FakeKernel } from "../kernel/fake-kernel.ts";
import { hostOn } from "../kernel/host.ts";
import { prefix } from "../netlink/text.ts";

const owner = { network: "net1", ifname: "eth0", containerId: "one", prevResult: undefined };

/** A host with a link up0, and where asked with one that has the container's name on a kernel that minds. */
function stage({ isTaken = false } = {}) {
  const kernel = new FakeKernel();
  const host = hostOn(kernel);
  const container = kernel.openContainer(kernel.addNamespace("container"));
  addIfb(host.netlink, { name: "up0", up: true });
  if (isTaken) addIfb(host.netlink, { name: "eth0" });
  kernel.features.namesInBoth = isTaken;
  return { kernel, host, container };
}

type Stage = ReturnType<typeof stage>;

function make({ host, container }: Stage, defer: Defer, more = {}) {
  const master = findMaster(host, container, { master: "up0", linkInContainer: false });
  const spec = { kind: "macvlan", settings: { mode: MACVLAN_MODE.BRIDGE }, master, owner, ...more } as const;
  return makeChild(container, spec, defer);
}

describe("makeChild()", () => {
  test.each([false, true])("makes the interface with its owner; its name is taken on the host: %s", (isTaken) => {
    const on = stage({ isTaken });
    const link = make(on, () => {}, { mac: "02:00:00:00:00:09", mtu: 0 });
    expect(link).toMatchObject({ name: "eth0", mac: "02:00:00:00:00:09", mtu: 1500 });
    const child = findChild(on.container.netlink, "macvlan", "eth0");
    expect(child?.link).toMatchObject({ up: false, index: link.index });
    expect(child?.link.alias).toContain("net: net1, if: eth0, id: one");
    expect(on.kernel.namespaceAt("/run/netns/container").links.size).toBe(2);
  });

  test.each([false, true])("leaves nothing behind, whichever request fails; its name is taken: %s", (isTaken) => {
    expect(failEach(() => stage({ isTaken }), make)).toBeGreaterThan(2);
  });

  test("refuses a name that the container has got meanwhile, and leaves that link", () => {
    for (const isTaken of [false, true]) {
      const on = stage({ isTaken });
      addIfb(on.container.netlink, { name: "eth0" });
      expect(() => make(on, () => {})).toThrow(
        expect.objectContaining({ code: 105, message: 'Interface "eth0" already exists in /run/netns/container' }),
      );
      expect(findLink(on.container.netlink, "eth0")?.kind).toBe("ifb");
    }
  });

  test("makes a link that stands on none inside the container", () => {
    const on = stage();
    makeChild(on.container, { kind: "dummy", settings: {}, owner }, () => {});
    expect(getLink(on.container.netlink, "eth0").kind).toBe("dummy");
  });
});

test("refuseTaken() refuses a name that the container has", () => {
  const { container } = stage();
  refuseTaken(container, "eth0");
  expect(() => refuseTaken(container, "lo")).toThrow(expect.objectContaining({ code: 105 }));
});

describe("findOwnChild()", () => {
  const found = ({ container }: Stage, who: Parameters<typeof findOwnChild>[2] = owner) =>
    findOwnChild(container, "macvlan", who)?.name;

  test("finds what is the owner's, also under another name, and nobody else's", () => {
    const on = stage();
    expect(found(on)).toBeUndefined();
    make(on, () => {});
    expect(found(on)).toBe("eth0");
    expect(found(on, { ...owner, containerId: "two" })).toBeUndefined();
    expect(found(on, { ...owner, network: "net2" })).toBeUndefined();
    setLink(on.container.netlink, getLink(on.container.netlink, "eth0"), { name: "wan0" });
    expect(found(on)).toBe("wan0");
  });

  test("finds by its name what a Go plugin made, or somebody labelled", () => {
    const on = stage();
    make(on, () => {});
    for (const alias of ["", "mine"]) {
      setLink(on.container.netlink, getLink(on.container.netlink, "eth0"), { alias });
      expect(found(on)).toBe("eth0");
    }
    expect(findOwnChild(on.container, "ipvlan", owner)).toBeUndefined();
  });

  const given = "02:00:00:00:00:09";
  const ours = "10.1.2.3/24";
  const theirs = "10.1.2.9/24";

  test.each([
    ["has its address", { mac: "02:00:00:00:00:0a", addresses: [ours, theirs] }, "eth0"],
    ["has its MAC and no address", { mac: given, addresses: [] }, "eth0"],
    ["has its MAC and another address", { mac: given, addresses: [theirs] }, undefined],
    ["has another MAC and no address", { mac: "02:00:00:00:00:0a", addresses: [] }, undefined],
  ])("goes by the result of ADD where a Go plugin's interface %s", (_, { mac, addresses }, name) => {
    const on = stage();
    make(on, () => {}, { mac });
    const link = getLink(on.container.netlink, "eth0");
    setLink(on.container.netlink, link, { alias: "" });
    for (const each of addresses) addAddress(on.container.netlink, link, { prefix: prefix(each) });
    const interfaces = [{ name: "eth0", mac: given, sandbox: "/run/netns/container" }];
    const result = { interfaces, routes: [], dns: {} };
    const prevResult = { ...result, ips: [{ interface: 0, address: prefix(ours) }] };
    expect(found(on, { ...owner, prevResult })).toBe(name);
    expect(found(on, { ...owner, prevResult: { ...result, ips: [] } })).toBe("eth0");
  });
});
