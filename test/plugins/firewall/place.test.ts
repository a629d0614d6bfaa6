import { beforeEach, describe, expect, test } from "vitest";
import { findPlace } from "../../../plugins/firewall/place.ts";
import type { Isolation } from "../../../plugins/firewall/subject.ts";
import type { Interface } from "../../../src/cni/result.ts";
import { addBridge, addVeth } from "../../../src/netlink/link/add.ts";
import { getLink } from "../../../src/netlink/link/get.ts";
import { setLink } from "../../../src/netlink/link/set.ts";
import type { Rtnetlink } from "../../../src/netlink/socket.ts";
import { FakeKernel } from "../../kernel/fake-kernel.ts";
import { hostOn } from "../../kernel/host.ts";

const isolated: Isolation = { policy: "isolated", link: "cni0" };
const inside: Interface = { name: "eth0", sandbox: "/run/netns/c1", mac: "02:00:00:00:00:01" };

let kernel: FakeKernel;
let netlink: Rtnetlink;

beforeEach(() => {
  kernel = new FakeKernel();
  netlink = kernel.openRoute();
  addBridge(netlink, { name: "cni0" });
  for (const name of ["veth1", "veth2"]) addVeth(netlink, { name, peer: { name: `${name}p` } });
  setLink(netlink, getLink(netlink, "veth1"), { master: getLink(netlink, "cni0").index });
});

function placeOf(interfaces: readonly Interface[], isolation: Isolation | undefined = isolated) {
  const owner = { network: "net1", containerId: "c1", ifname: "eth0" };
  const result = { interfaces, ips: [], routes: [], dns: {} };
  return findPlace(hostOn(kernel), { owner, addresses: [], isolation }, result);
}

describe("findPlace()", () => {
  test("finds the ports of the bridge among the host's interfaces, and the container's own MACs", () => {
    const other = { name: "eth1", sandbox: "/run/netns/c1", mac: "02:00:00:00:00:02" };
    expect(placeOf([{ name: "cni0" }, { name: "veth2" }, { name: "veth1", sandbox: "" }, inside, other])).toEqual({
      gateway: getLink(netlink, "cni0").mac,
      ports: [getLink(netlink, "veth1").index],
      macs: ["02:00:00:00:00:01"],
    });
  });

  test("does without a MAC that is not reported, or cannot be read", () => {
    const macs = [{}, { mac: "x" }].map((mac) => {
      return placeOf([{ name: "cni0" }, { name: "veth1" }, { name: "eth0", sandbox: "/run/netns/c1", ...mac }])?.macs;
    });
    expect(macs).toEqual([[], []]);
  });

  test("has no ports where interface 0 is no bridge, or is gone: then there are no neighbours", () => {
    const isolation: Isolation = { policy: "isolated", link: "veth2" };
    for (const name of ["veth2", "gone0"]) expect(placeOf([{ name }, inside], isolation)?.ports).toEqual([]);
  });

  test("is nowhere for another policy, and where the link is gone", () => {
    const interfaces = [{ name: "cni0" }, { name: "veth1" }, inside];
    expect(placeOf(interfaces, { policy: "same-bridge", link: "cni0" })).toBeUndefined();
    expect(placeOf(interfaces, { policy: "isolated", link: "gone0" })).toBeUndefined();
  });

  test.each([[[]], [[{ name: "veth2" }]], [[{ name: "gone0" }]], [[{ name: "veth1", sandbox: "/run/netns/c1" }]]])(
    "refuses a bridge with none of its ports in %j: neighbours would pass",
    (others) => {
      const message =
        'Cannot use ingressPolicy "isolated": prevResult names no port of bridge "cni0": chain firewall behind bridge';
      expect(() => placeOf([{ name: "cni0" }, ...others, inside])).toThrow(
        expect.objectContaining({ code: 7, message }),
      );
    },
  );
});
