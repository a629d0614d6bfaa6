import { describe, expect, test, vi } from "vitest";
import {
  deleteEmptyBridge,
  ensureBridge,
  listOtherPorts,
  pinBridgeMac,
  requireVlans,
  usingBridge,
} from "../../../plugins/bridge/bridge-link.ts";
import { CniError } from "../../../src/cni/error.ts";
import { NetlinkError } from "../../../src/netlink/acknowledgement.ts";
import { addBridge, addVeth } from "../../../src/netlink/link/add.ts";
import { deleteLink } from "../../../src/netlink/link/delete.ts";
import { findLink, getLink } from "../../../src/netlink/link/get.ts";
import { setLink } from "../../../src/netlink/link/set.ts";
import type { Host } from "../../../src/steps/host.ts";
import { keepBridgeMac } from "../../../src/steps/own-ports.ts";
import { undoOnError } from "../../../src/steps/undo.ts";
import { failEach } from "../../kernel/failures.ts";
import { FakeKernel } from "../../kernel/fake-kernel.ts";
import { hostOn } from "../../kernel/host.ts";

const SPEC = { name: "br0", mtu: 0, promiscuous: false, vlanNeed: undefined };

function stage() {
  const kernel = new FakeKernel();
  return { kernel, host: hostOn(kernel) };
}

/** A port of the bridge, with its other end beside it. */
function addPort(host: Host, name: string, mac = "02:00:00:00:00:20") {
  addVeth(host.netlink, { name, mac, master: getLink(host.netlink, "br0").index, peer: { name: `${name}p` } });
  return getLink(host.netlink, name);
}

/** Runs the work and has it fail in the end, with nothing to say about what is taken back. */
function failing(work: (defer: (reversal: () => unknown) => void) => void): void {
  const failure = new Error("the end");
  const run = () =>
    undoOnError(
      (line) => expect.fail(line),
      (defer) => {
        work(defer);
        throw failure;
      },
    );
  expect(run).toThrow(failure);
}

describe("ensureBridge()", () => {
  test("makes the bridge, up, marked as ours, and with router advertisements off", () => {
    const { kernel, host } = stage();
    const bridge = ensureBridge(host, { ...SPEC, mtu: 1400, promiscuous: true }, () => {});
    expect(bridge).toMatchObject({ name: "br0", up: true, mtu: 1400, promiscuous: true, group: 0 });
    expect(bridge.alias).toBe("made by the CNI plugin bridge");
    expect(bridge.mac).toMatch(/^.[26ae]:/);
    expect(kernel.host.sysctls.read("net/ipv6/conf/br0/accept_ra")).toBe("0");
    expect(bridge.bridge?.vlanFiltering).toBe(0);
  });

  test("makes one that filters VLANs where they are needed", () => {
    const { host } = stage();
    expect(ensureBridge(host, { ...SPEC, vlanNeed: "vlan 100" }, () => {}).bridge?.vlanFiltering).toBe(1);
  });

  test("gives a MAC of its own, which ports do not change", () => {
    const { host } = stage();
    const { mac } = ensureBridge(host, SPEC, () => {});
    addPort(host, "port0", "02:00:00:00:00:00");
    expect(getLink(host.netlink, "br0").mac).toBe(mac);
  });

  test("takes one that is there as it is: one request, and no change", () => {
    const { kernel, host } = stage();
    addBridge(host.netlink, { name: "br0", mac: "02:00:00:00:00:01", up: true });
    const before = kernel.requests;
    expect(ensureBridge(host, SPEC, () => {})).toMatchObject({ name: "br0", alias: "" });
    expect(kernel.log.slice(before)).toEqual(['host: get link "br0"']);
  });

  test("brings up one that is down, and gives a MAC to one without", () => {
    const { host } = stage();
    addBridge(host.netlink, { name: "br0" });
    deleteLink(host.netlink, addPort(host, "port0"));
    expect(getLink(host.netlink, "br0").mac).toBe("00:00:00:00:00:00");
    const bridge = ensureBridge(host, SPEC, () => {});
    expect(bridge).toMatchObject({ up: true, alias: "" });
    expect(bridge.mac).not.toBe("00:00:00:00:00:00");
  });

  test("takes one that is promiscuous already as it is", () => {
    const { kernel, host } = stage();
    addBridge(host.netlink, { name: "br0", mac: "02:00:00:00:00:01", up: true });
    setLink(host.netlink, getLink(host.netlink, "br0"), { promiscuous: true });
    const before = kernel.requests;
    ensureBridge(host, { ...SPEC, promiscuous: true }, () => {});
    expect(kernel.log.slice(before)).toEqual(['host: get link "br0"']);
  });

  test("has the MTU of its smallest port, unless it is given one", () => {
    const { host } = stage();
    expect(ensureBridge(host, SPEC, () => {}).mtu).toBe(1500);
    setLink(host.netlink, addPort(host, "port0"), { mtu: 1400 });
    expect(getLink(host.netlink, "br0").mtu).toBe(1400);
  });

  test("refuses what is no bridge, and one that does not keep VLANs apart", () => {
    const { host } = stage();
    addVeth(host.netlink, { name: "br0", peer: { name: "other" } });
    expect(() => ensureBridge(host, SPEC, () => {})).toThrow(
      new CniError("bridgeConflict", '"br0" already exists but is not a bridge'),
    );
    deleteLink(host.netlink, getLink(host.netlink, "br0"));
    addBridge(host.netlink, { name: "br0" });
    expect(() => ensureBridge(host, { ...SPEC, vlanNeed: "vlan 7" }, () => {})).toThrow(
      new CniError("bridgeConflict", 'Cannot use vlan 7: bridge "br0" does not filter VLANs', {
        details: "if no other port sends tagged frames: ip link set dev br0 type bridge vlan_filtering 1",
      }),
    );
  });

  test("leaves any other refusal of a bridge for VLANs to the kernel's words", () => {
    const { kernel, host } = stage();
    kernel.refuse(2);
    const act = () => ensureBridge(host, { ...SPEC, vlanNeed: "vlan 7" }, () => {});
    expect(act).toThrow('Cannot add bridge "br0": Cannot allocate memory');
  });

  test("takes one that another call makes at the same moment, and leaves it to that call", () => {
    const { kernel, host } = stage();
    const { request } = host.netlink;
    vi.spyOn(host.netlink, "request").mockImplementationOnce((asked) => {
      const answers = request(asked);
      addBridge(kernel.openRoute(), { name: "br0", mac: "02:00:00:00:00:77", up: true });
      return answers;
    });
    failing((defer) => expect(ensureBridge(host, SPEC, defer).mac).toBe("02:00:00:00:00:77"));
    expect(getLink(host.netlink, "br0")).toMatchObject({ mac: "02:00:00:00:00:77", up: true });
  });

  test("leaves nothing behind, whichever of its requests fails", () => {
    const count = failEach(stage, ({ host }, defer) => ensureBridge(host, { ...SPEC, promiscuous: true }, defer));
    expect(count).toBe(5);
  });

  test("takes back a new one, but for one that has come to be used meanwhile", () => {
    const { kernel, host } = stage();
    const before = kernel.snapshot();
    failing((defer) => ensureBridge(host, SPEC, defer));
    expect(kernel.snapshot()).toEqual(before);
    failing((defer) => {
      ensureBridge(host, SPEC, defer);
      addPort(host, "port0");
    });
    expect(getLink(host.netlink, "br0").up).toBe(true);
  });

  test("takes back no bridge that somebody else made under that name meanwhile", () => {
    const { host } = stage();
    failing((defer) => {
      ensureBridge(host, SPEC, defer);
      deleteLink(host.netlink, getLink(host.netlink, "br0"));
      addBridge(host.netlink, { name: "br0", mac: "02:00:00:00:00:77" });
    });
    expect(getLink(host.netlink, "br0").mac).toBe("02:00:00:00:00:77");
  });

  test("makes one that was there as down and as quiet as it was, unless it has ports", () => {
    const { kernel, host } = stage();
    addBridge(host.netlink, { name: "br0", mac: "02:00:00:00:00:01" });
    const { host: before } = kernel.snapshot();
    failing((defer) => ensureBridge(host, { ...SPEC, promiscuous: true }, defer));
    expect(kernel.snapshot()["host"]?.links).toEqual(before?.links);
    failing((defer) => {
      ensureBridge(host, { ...SPEC, promiscuous: true }, defer);
      addPort(host, "port0");
    });
    expect(getLink(host.netlink, "br0")).toMatchObject({ up: true, promiscuous: true });
  });

  test("bears that the bridge is gone, and keeps other calls from its deletion until its port exists", () => {
    const uses: string[] = [];
    const host = hostOn(new FakeKernel(), {
      withBridges: (use, act) => {
        uses.push(use);
        return act();
      },
    });
    for (const prepare of [() => {}, () => addBridge(host.netlink, { name: "br0", mac: "02:00:00:00:00:01" })]) {
      prepare();
      failing((defer) => deleteLink(host.netlink, ensureBridge(host, SPEC, defer)));
    }
    expect(uses).toEqual(["withdrawn", "withdrawn", "withdrawn"]);
  });

  test("leaves a bridge promiscuous that was so", () => {
    const { host } = stage();
    addBridge(host.netlink, { name: "br0", mac: "02:00:00:00:00:01" });
    setLink(host.netlink, getLink(host.netlink, "br0"), { promiscuous: true });
    failing((defer) => ensureBridge(host, { ...SPEC, promiscuous: true }, defer));
    expect(getLink(host.netlink, "br0")).toMatchObject({ up: false, promiscuous: true });
  });
});

describe("requireVlans()", () => {
  test("says of a kernel without them that it needs an option, before there is a bridge and after", () => {
    const { kernel, host } = stage();
    expect(() => requireVlans(host, undefined, "vlan 7")).not.toThrow();
    kernel.features.vlanFiltering = false;
    const missing = "bridges of this kernel cannot filter VLANs, it needs CONFIG_BRIDGE_VLAN_FILTERING";
    expect(() => requireVlans(host, undefined, "vlan 7")).toThrow(missing);
    addBridge(host.netlink, { name: "br0" });
    expect(() => requireVlans(host, getLink(host.netlink, "br0"), "vlan 7")).toThrow(missing);
  });
});

describe("deleteEmptyBridge()", () => {
  const all = { counts: () => true, disconnect: () => {} };

  test("deletes one of ours without ports, by name or index, and no other", () => {
    const { host } = stage();
    deleteEmptyBridge(host, "br0", all);
    for (const which of ["name", "index"] as const) {
      deleteEmptyBridge(host, ensureBridge(host, SPEC, () => {})[which], all);
      expect(findLink(host.netlink, "br0")).toBeUndefined();
    }
    addBridge(host.netlink, { name: "br0" });
    deleteEmptyBridge(host, "br0", all);
    expect(findLink(host.netlink, "br0")).toBeDefined();
  });

  test("keeps one with a port that counts, and disconnects those that do not", () => {
    const { host } = stage();
    ensureBridge(host, SPEC, () => {});
    const port = addPort(host, "port0");
    deleteEmptyBridge(host, "br0", all);
    expect(findLink(host.netlink, "br0")).toBeDefined();
    deleteEmptyBridge(host, "br0", { counts: () => false, disconnect: (each) => deleteLink(host.netlink, each) });
    expect([findLink(host.netlink, "br0"), findLink(host.netlink, port.index)]).toEqual([undefined, undefined]);
  });

  test.each<[string, (host: Host) => void]>([
    ["has a port", (host) => void addPort(host, "port0")],
    ["is somebody's", (host) => setLink(host.netlink, getLink(host.netlink, "br0"), { alias: "mine" })],
    [
      "is another bridge",
      (host) => {
        deleteLink(host.netlink, getLink(host.netlink, "br0"));
        addBridge(host.netlink, { name: "br0" });
      },
    ],
  ])("keeps one that %s when the lock is free", (_, change) => {
    const kernel = new FakeKernel();
    const uses: string[] = [];
    const host = hostOn(kernel, {
      withBridges: (use, act) => {
        uses.push(use);
        change(host);
        return act();
      },
    });
    ensureBridge(host, SPEC, () => {});
    deleteEmptyBridge(host, "br0", all);
    expect([findLink(host.netlink, "br0") !== undefined, uses]).toEqual([true, ["withdrawn"]]);
  });

  test("waits for no lock where there is none of ours", () => {
    const host = hostOn(new FakeKernel(), { withBridges: () => expect.fail("it took the lock") });
    deleteEmptyBridge(host, "br0", all);
    addBridge(host.netlink, { name: "br0" });
    deleteEmptyBridge(host, "br0", all);
  });

  test("bears that it is gone when the lock is free", () => {
    const host: Host = hostOn(new FakeKernel(), {
      withBridges: (_, act) => {
        deleteLink(host.netlink, getLink(host.netlink, "br0"));
        return act();
      },
    });
    ensureBridge(host, SPEC, () => {});
    expect(() => deleteEmptyBridge(host, "br0", all)).not.toThrow();
  });

  test("deletes one that a killed call left before it had its alias", () => {
    const { host } = stage();
    addBridge(host.netlink, { name: "br0", group: 0x434e4942 });
    deleteEmptyBridge(host, "br0", all);
    expect(findLink(host.netlink, "br0")).toBeUndefined();
  });
});

describe("the MAC of a bridge that was given none", () => {
  test("pinBridgeMac() keeps the one that it had before a port joined", () => {
    const { host } = stage();
    addBridge(host.netlink, { name: "br0" });
    addPort(host, "port0", "02:00:00:00:00:20");
    const before = getLink(host.netlink, "br0");
    addPort(host, "port1", "02:00:00:00:00:10");
    pinBridgeMac(host, before, getLink(host.netlink, "br0"));
    addPort(host, "port2", "02:00:00:00:00:05");
    expect(getLink(host.netlink, "br0").mac).toBe("02:00:00:00:00:20");
  });

  test("nothing is asked where the MAC has not changed, or is not that of the port", () => {
    const { kernel, host } = stage();
    addBridge(host.netlink, { name: "br0" });
    const port = addPort(host, "port0", "02:00:00:00:00:20");
    const higher = addPort(host, "port1", "02:00:00:00:00:30");
    const bridge = getLink(host.netlink, "br0");
    const asked = kernel.requests;
    pinBridgeMac(host, bridge, bridge);
    expect(kernel.requests).toBe(asked);
    keepBridgeMac(host, higher);
    addPort(host, "port2", "02:00:00:00:00:10");
    expect(getLink(host.netlink, "br0").mac).toBe("02:00:00:00:00:10");
    expect(port.mac).toBe(bridge.mac);
  });

  test("pinBridgeMac() lets the first port's be", () => {
    const { kernel, host } = stage();
    addBridge(host.netlink, { name: "br0" });
    deleteLink(host.netlink, addPort(host, "port0"));
    const before = getLink(host.netlink, "br0");
    addPort(host, "port1", "02:00:00:00:00:10");
    const asked = kernel.requests;
    pinBridgeMac(host, before, getLink(host.netlink, "br0"));
    expect(kernel.requests).toBe(asked + 1);
  });

  test("keepBridgeMac() keeps that of a port which is about to go", () => {
    const { host } = stage();
    addBridge(host.netlink, { name: "br0" });
    const port = addPort(host, "port0", "02:00:00:00:00:20");
    keepBridgeMac(host, port);
    deleteLink(host.netlink, port);
    expect(getLink(host.netlink, "br0").mac).toBe("02:00:00:00:00:20");
    keepBridgeMac(host, { ...port, master: undefined });
  });
});

test("listOtherPorts() leaves out that one", () => {
  const { host } = stage();
  addBridge(host.netlink, { name: "br0" });
  const [bridge, port] = [getLink(host.netlink, "br0"), addPort(host, "port0")];
  expect(listOtherPorts(host, bridge, port)).toEqual([]);
  addPort(host, "port1");
  expect(listOtherPorts(host, bridge, port).map(({ name }) => name)).toEqual(["port1"]);
});

test("usingBridge() says of a bridge that went away that it can be tried again, and lets any other failure be", () => {
  const { host } = stage();
  addBridge(host.netlink, { name: "br0" });
  const bridge = getLink(host.netlink, "br0");
  const failure = new NetlinkError("do it", { errno: 19 });
  const fail = () => {
    throw failure;
  };
  expect(usingBridge(host, bridge, () => 7)).toBe(7);
  expect(() => usingBridge(host, bridge, fail)).toThrow(failure);
  deleteLink(host.netlink, bridge);
  expect(() => usingBridge(host, bridge, fail)).toThrow(
    new CniError("tryAgainLater", 'Cannot use bridge "br0": it has just been deleted', { cause: failure }),
  );
  const other = new Error("no request to the kernel");
  const failOtherwise = () => {
    throw other;
  };
  expect(() => usingBridge(host, bridge, failOtherwise)).toThrow(other);
});

test("usingBridge() says of a bridge without room for a port what to do", () => {
  const { host } = stage();
  addBridge(host.netlink, { name: "br0" });
  const fail = () => {
    throw new NetlinkError("add the veth", { errno: 54 });
  };
  expect(() => usingBridge(host, getLink(host.netlink, "br0"), fail)).toThrow(
    expect.objectContaining({
      code: 106,
      message: 'Cannot add a port to bridge "br0": it has 1023 ports, as many as the kernel allows',
      details: "use another bridge for more containers",
    }),
  );
});
