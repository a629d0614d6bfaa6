import { beforeEach, describe, expect, test } from "vitest";
import { addTable } from "../../src/netfilter/nftables/table.ts";
import { applyTransaction } from "../../src/netfilter/nftables/transaction.ts";
import { NetlinkError } from "../../src/netlink/acknowledgement.ts";
import { addAddress } from "../../src/netlink/address/add.ts";
import { waitForDad } from "../../src/netlink/address/wait.ts";
import { addBridge, addIfb, addVeth } from "../../src/netlink/link/add.ts";
import { beginDeletion } from "../../src/netlink/link/delete.ts";
import { findLink, getLink } from "../../src/netlink/link/get.ts";
import { setLink, setLinkUp } from "../../src/netlink/link/set.ts";
import { waitForLink } from "../../src/netlink/link/wait.ts";
import type { Rtnetlink } from "../../src/netlink/socket.ts";
import { addVlans } from "../../src/netlink/vlan/add.ts";
import { deleteVlans } from "../../src/netlink/vlan/delete.ts";
import { listVlans } from "../../src/netlink/vlan/list.ts";
import { ERRNO, LinuxError } from "../../src/platform/errno.ts";
import { address, prefix } from "../netlink/text.ts";
import { FakeKernel } from "./fake-kernel.ts";

const TABLE = { family: 1, name: "some" };

let kernel: FakeKernel;
let host: Rtnetlink;

beforeEach(() => {
  kernel = new FakeKernel();
  host = kernel.openRoute();
});

/** A bridge, and a veth from there into a container, its end there down. */
function connect() {
  const container = kernel.openContainer(kernel.addNamespace("container"));
  addBridge(host, { name: "br0", mac: "02:00:00:00:00:01", up: true });
  const peer = { name: "eth0", netns: container.netns };
  addVeth(host, { name: "veth0", master: getLink(host, "br0").index, up: true, peer });
  return { container, port: getLink(host, "veth0"), inside: getLink(container.netlink, "eth0") };
}

describe("FakeKernel", () => {
  test("refuses the n-th request, and no other, whichever socket it comes from", () => {
    const netfilter = kernel.openNetfilter();
    kernel.refuse(2, ERRNO.EBUSY);
    addBridge(host, { name: "br0" });
    expect(() => applyTransaction(netfilter, [addTable(TABLE)], { action: "try" })).toThrow(
      new NetlinkError("add nftables table some", { errno: ERRNO.EBUSY }),
    );
    expect(kernel.host.rules.tables).toEqual([]);
    applyTransaction(netfilter, [addTable(TABLE)], { action: "try" });
    expect(kernel.host.rules.tables).toHaveLength(1);
  });

  test("loses the answer to the n-th request, which is carried out", () => {
    kernel.loseAnswer(1);
    expect(() => addBridge(host, { name: "br0" })).toThrow(
      new LinuxError("receive from a socket", { syscall: "recvfrom", errno: ERRNO.ENOBUFS }),
    );
    expect(findLink(host, "br0")?.kind).toBe("bridge");
  });

  test("logs what is asked, in words", () => {
    connect();
    const netfilter = kernel.openNetfilter();
    applyTransaction(netfilter, [addTable(TABLE), addTable(TABLE)], { action: "try" });
    expect(kernel.log).toEqual([
      'host: add bridge "br0"',
      'host: get link "br0"',
      'host: add veth "veth0" with peer "eth0"',
      'host: get link "veth0"',
      'container: get link "eth0"',
      "host: add nftables table some; add nftables table some",
    ]);
    expect(kernel.requests).toBe(6);
  });

  test("shows all that is there, so that nothing is left unseen", () => {
    const before = kernel.snapshot();
    addBridge(host, { name: "br0", mac: "02:00:00:00:00:01" });
    expect(kernel.snapshot()).not.toEqual(before);
    expect(kernel.snapshot()["host"]?.links[1]).toContain("2 br0 bridge 02:00:00:00:00:01 mtu 1500");
    expect(kernel.snapshot()["host"]?.sysctls).toContain("net/ipv6/conf/br0/accept_ra = 1");
    beginDeletion(host, getLink(host, "br0")).finish();
    expect(kernel.snapshot()).toEqual(before);
  });

  test("knows which sockets are open, and serves none that is closed", () => {
    const container = kernel.addNamespace("container");
    const socket = kernel.openRoute(container);
    expect([...kernel.open.values()]).toEqual([kernel.host, container]);
    expect(kernel.namespaceOf(socket.fd)).toBe(container);
    socket.close();
    expect([...kernel.open.values()]).toEqual([kernel.host]);
    expect(() => getLink(socket, "lo")).toThrow("Bad file descriptor");
    expect(() => socket.close()).toThrow("Bad file descriptor");
  });

  test("finds namespaces by their paths and descriptors", () => {
    const container = kernel.addNamespace("container");
    expect(kernel.namespaceAt("/run/netns/container")).toBe(container);
    expect(kernel.namespaceOf(container.fd)).toBe(container);
    expect(() => kernel.namespaceAt("/run/netns/none")).toThrow('Cannot open netns "/run/netns/none": No such file');
    expect(() => addVeth(host, { name: "veth0", peer: { name: "eth0", netns: 7 } })).toThrow("Bad file descriptor");
  });

  test("tells of what it has not got as an older kernel does", () => {
    kernel.features.kinds.delete("ifb");
    kernel.features.nftables = false;
    expect(() => addIfb(host, { name: "ifb0" })).toThrow("Operation not supported (Unknown device type)");
    expect(() => addBridge(host, { name: "br0", vlanFiltering: true })).not.toThrow();
    kernel.features.vlanFiltering = false;
    expect(() => addBridge(host, { name: "br1", vlanFiltering: true })).toThrow(
      'Cannot add bridge "br1": Operation not supported',
    );
    expect(findLink(host, "br1")).toBeUndefined();
    expect(() => applyTransaction(kernel.openNetfilter(), [addTable(TABLE)], { action: "try" })).toThrow();
  });
});

describe("what goes on in the kernel", () => {
  test("is seen by who waits for it: a link that comes up in its own time", () => {
    kernel.isSlow = true;
    const { container, port, inside } = connect();
    setLinkUp(container.netlink, inside);
    const UP = 6;
    expect(getLink(host, "veth0").operationalState).not.toBe(UP);
    const until = ({ operationalState }: { operationalState: number }) => operationalState === UP;
    expect(waitForLink(host, port, { timeout: 1000, until })?.operationalState).toBe(UP);
    expect(kernel.host.listeners.size).toBe(0);
  });

  test("is over for who waits in vain", () => {
    const { port } = connect();
    expect(waitForLink(host, port, { timeout: 1000, until: () => false })).toBeUndefined();
  });

  test("is the detection of duplicates: an address of another host's is never usable", () => {
    const { container, inside } = connect();
    const netns = kernel.namespaceOf(container.netns);
    netns.takenElsewhere = [address("fd00::3")];
    setLinkUp(container.netlink, inside);
    for (const text of ["fd00::2/64", "fd00::3/64"]) addAddress(container.netlink, inside, { prefix: prefix(text) });
    expect(netns.addresses.filter(({ flags }) => (flags & 0x40) !== 0)).toHaveLength(3);
    const found = waitForDad(container.netlink, inside, { timeout: 1000 });
    expect(found.map(({ tentative, duplicate }) => ({ tentative, duplicate }))).toEqual([
      { tentative: false, duplicate: false },
      { tentative: false, duplicate: false },
      { tentative: true, duplicate: true },
    ]);
  });

  test("is nothing for a link that has IPv6 off, or whose address is chosen in another way", () => {
    const { container, inside } = connect();
    const netns = kernel.namespaceOf(container.netns);
    netns.sysctls.write("net/ipv6/conf/eth0/addr_gen_mode", "1");
    netns.sysctls.write("net/ipv6/conf/eth0/disable_ipv6", "1");
    setLinkUp(container.netlink, inside);
    expect(netns.addressesOf(inside.index)).toEqual([]);
    expect(() => addAddress(container.netlink, inside, { prefix: prefix("fd00::2/64") })).toThrow("Permission denied");
  });
});

describe("parameters of links", () => {
  test("come and go with them, and have their names", () => {
    const { sysctls } = kernel.host;
    sysctls.write("net/ipv6/conf/default/accept_ra", "0");
    addBridge(host, { name: "br0" });
    expect(sysctls.read("net/ipv6/conf/br0/accept_ra")).toBe("0");
    setLink(host, getLink(host, "br0"), { name: "br7" });
    expect(sysctls.list("net/ipv6/conf")).toEqual(["all", "br7", "default", "lo"]);
    sysctls.readOnly.add("net/ipv4/ip_forward");
    expect(() => sysctls.write("net/ipv4/ip_forward", "1")).toThrow("Read-only file system");
    expect(() => sysctls.write("net/ipv4/none", "1")).toThrow("No such file or directory");
    sysctls.write("net/ipv6/conf/all/forwarding", "1");
    expect(sysctls.find("net/ipv6/conf/br7/forwarding")).toBe("1");
  });
});

describe("VLANs of a bridge's ports", () => {
  test("are one in the beginning, and others by request, ranges spelled out", () => {
    const { port } = connect();
    expect(listVlans(host, port)).toEqual([{ id: 1, pvid: true, untagged: true }]);
    const tagged = [200, 201, 202].map((id) => ({ id, pvid: false, untagged: false }));
    addVlans(host, port, [{ id: 100, pvid: true, untagged: true }, ...tagged]);
    deleteVlans(host, port, [1, 201]);
    expect(listVlans(host, port)).toEqual([{ id: 100, pvid: true, untagged: true }, tagged[0], tagged[2]]);
    setLink(host, port, { master: 0 });
    expect(() => listVlans(host, port)).toThrow("Invalid argument");
    expect(() => addVlans(host, port, tagged)).toThrow("Operation not supported");
  });
});
