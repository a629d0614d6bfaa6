import { describe, expect, test } from "vitest";
import { addBridge, addVeth } from "../../src/netlink/link/add.ts";
import { deleteLink } from "../../src/netlink/link/delete.ts";
import { findLink, getLink } from "../../src/netlink/link/get.ts";
import { setLink, setLinkUp } from "../../src/netlink/link/set.ts";
import { claimOf } from "../../src/steps/owned-links.ts";
import type { Defer } from "../../src/steps/undo.ts";
import {
  beginDeletionIfThere,
  connectVeth,
  deleteLinkIfThere,
  forwards,
  waitForPort,
  waitForSpanningTree,
} from "../../src/steps/veth.ts";
import { failEach } from "../kernel/failures.ts";
import { FakeKernel } from "../kernel/fake-kernel.ts";
import { hostOn } from "../kernel/host.ts";

const owner = { network: "net1", ifname: "eth0", containerId: "one" };

/** A host with a bridge, and a container. */
function stage() {
  const kernel = new FakeKernel();
  const host = hostOn(kernel);
  const container = kernel.openContainer(kernel.addNamespace("container"));
  addBridge(host.netlink, { name: "br0", mac: "02:00:00:00:00:01", up: true });
  return { kernel, host, container, bridge: getLink(host.netlink, "br0") };
}

type Stage = ReturnType<typeof stage>;

function connect({ host, bridge, container }: Stage, defer: Defer, more = {}) {
  const spec = { bridge, container, ifname: "eth0", mtu: 0, mac: undefined, isolated: false, up: true };
  return connectVeth(host, { ...spec, owner, ...more }, defer);
}

describe("connectVeth()", () => {
  test("makes the port, up and ours, and the container's end, down", () => {
    const on = stage();
    const { port, inside } = connect(on, () => {});
    const outside = getLink(on.host.netlink, port.name);
    expect(outside).toMatchObject({ kind: "veth", up: true, master: on.bridge.index, peer: inside.index, group: 0 });
    expect(outside.alias).toContain("net: net1, if: eth0, id: one");
    expect(outside.port).toMatchObject({ hairpin: 0, isolated: 0 });
    expect(getLink(on.container.netlink, "eth0")).toMatchObject({ up: false, mac: inside.mac, index: inside.index });
    expect(on.kernel.host.sysctls.read(`net/ipv6/conf/${port.name}/accept_ra`)).toBe("0");
  });

  test("gives it what is asked for", () => {
    const on = stage();
    const more = { mtu: 1300, mac: "02:00:00:00:00:99", isolated: true, up: false };
    const { port, inside } = connect(on, () => {}, more);
    expect(inside).toMatchObject({ mac: "02:00:00:00:00:99", mtu: 1300, name: "eth0" });
    expect(getLink(on.host.netlink, port.name)).toMatchObject({
      mtu: 1300,
      up: false,
      port: { hairpin: 0, isolated: 1 },
    });
  });

  test("is in the group of its attachment until it has its alias", () => {
    const on = stage();
    on.kernel.refuse(2);
    expect(() => connect(on, () => {})).toThrow();
    const [port] = [...on.kernel.host.links.values()].filter(({ kind }) => kind === "veth");
    expect(port).toMatchObject({ alias: "", group: claimOf(owner) });
  });

  test("leaves nothing behind, whichever of its requests fails", () => {
    expect(failEach(stage, (on, defer) => connect(on, defer, { isolated: true, mtu: 1400 }))).toBe(3);
  });

  test("refuses where the container has that name, and touches nothing", () => {
    const on = stage();
    addVeth(on.container.netlink, { name: "eth0", peer: { name: "other" } });
    const before = on.kernel.snapshot();
    expect(() => connect(on, () => {})).toThrow(
      /^container veth name \("eth0"\) peer provided \(".*"\) already exists$/,
    );
    expect(on.kernel.snapshot()).toEqual(before);
  });

  test("takes another name for the port where one is taken, and gives up after ten", () => {
    const on = stage();
    on.kernel.refuse(1, 17);
    expect(connect(on, () => {}).port.name).toMatch(/^veth[0-9a-f]{8}$/);
    const again = stage();
    // Each attempt asks whether the container has the name.
    for (let attempt = 0; attempt < 10; attempt++) again.kernel.refuse(1 + 2 * attempt, 17);
    expect(() => connect(again, () => {})).toThrow("File exists");
    expect(again.kernel.log.filter((line) => line.includes("add veth"))).toHaveLength(10);
  });
});

describe("waitForPort()", () => {
  test("returns the port when it is up, also where the kernel takes its time", () => {
    const on = stage();
    const { port, inside } = connect(on, () => {});
    on.kernel.isSlow = true;
    setLinkUp(on.container.netlink, inside);
    expect(forwards(getLink(on.host.netlink, port.name))).toBe(false);
    const ready = waitForPort(on.host, port);
    expect(ready).toMatchObject({ index: port.index, operationalState: 6 });
    expect(forwards(ready)).toBe(true);
  });

  test("gives up on one that does not come up", () => {
    const on = stage();
    const { port } = connect(on, () => {});
    expect(() => waitForPort(on.host, port)).toThrow(`"${port.name}" is not up after 15 s`);
  });

  test("says of one whose bridge went away that it can be tried again", () => {
    const on = stage();
    const { port, inside } = connect(on, () => {});
    setLinkUp(on.container.netlink, inside);
    deleteLink(on.host.netlink, on.bridge);
    expect(() => waitForPort(on.host, port)).toThrow("its bridge has just been deleted");
  });
});

describe("waitForSpanningTree()", () => {
  test("tells what is waited for, and that the port still does not forward", () => {
    const on = stage();
    const { port, inside } = connect(on, () => {});
    const logged: string[] = [];
    const wait = () => {
      const [bridge, now] = [getLink(on.host.netlink, "br0"), getLink(on.host.netlink, port.name)];
      waitForSpanningTree(on.host, { bridge, port: now }, (line) => logged.push(line));
    };
    wait();
    expect(logged[0]).toContain(`its port "${port.name}" forwards after 30 s`);
    expect(logged[1]).toContain("still does not forward");
    setLinkUp(on.container.netlink, inside);
    wait();
    expect(logged).toHaveLength(3);
  });
});

describe("deleteLinkIfThere()", () => {
  test("deletes the link of that name, and with a MAC only one that has it", () => {
    const { kernel, host } = stage();
    deleteLinkIfThere(host.netlink, "br0", { mac: "02:00:00:00:00:02" });
    expect(findLink(host.netlink, "br0")).toBeDefined();
    deleteLinkIfThere(host.netlink, "br0", { mac: "02:00:00:00:00:01" });
    expect(findLink(host.netlink, "br0")).toBeUndefined();
    const asked = kernel.requests;
    deleteLinkIfThere(host.netlink, "br0");
    expect(kernel.requests).toBe(asked + 1);
  });

  test("bears that it goes between the look and the deletion, and nothing else", () => {
    const { kernel, host } = stage();
    kernel.refuse(2, 19);
    expect(() => deleteLinkIfThere(host.netlink, "br0")).not.toThrow();
    kernel.refuse(2, 1);
    expect(() => deleteLinkIfThere(host.netlink, "br0")).toThrow("Operation not permitted");
  });
});

describe("beginDeletionIfThere()", () => {
  test("is over when the other end is gone", () => {
    const on = stage();
    const { port, inside } = connect(on, () => {});
    const departure = beginDeletionIfThere(on.container.netlink, inside);
    departure.untilGone(on.host.netlink, port.index);
    expect(findLink(on.host.netlink, port.index)).toBeUndefined();
    departure.leave();
    departure.finish();
  });

  test("bears that the link is not there, and throws any other refusal", () => {
    const on = stage();
    const { port, inside } = connect(on, () => {});
    on.kernel.refuse(1, 1);
    expect(() => beginDeletionIfThere(on.host.netlink, port).untilGone(on.host.netlink, port.index)).toThrow(
      "Operation not permitted",
    );
    setLink(on.host.netlink, port, { master: 0 });
    deleteLink(on.host.netlink, port);
    const again = beginDeletionIfThere(on.container.netlink, inside);
    again.untilGone(on.host.netlink, port.index);
    again.finish();
  });
});
