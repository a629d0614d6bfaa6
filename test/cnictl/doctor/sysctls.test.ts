import { beforeEach, expect, test } from "vitest";
import { sysctlCheck } from "../../../src/cnictl/doctor/sysctls.ts";
import { addAddress } from "../../../src/netlink/address/add.ts";
import { addBridge } from "../../../src/netlink/link/add.ts";
import { getLink } from "../../../src/netlink/link/get.ts";
import { setLink } from "../../../src/netlink/link/set.ts";
import { addRoute } from "../../../src/netlink/route/add.ts";
import { FakeKernel } from "../../kernel/fake-kernel.ts";
import { address, prefix } from "../../netlink/text.ts";
import { examinationOf, networkOf, ROUTED, wrong } from "./examinee.ts";

const dual = networkOf({ plugins: [ROUTED] });

let kernel: FakeKernel;

beforeEach(() => {
  kernel = new FakeKernel();
  set("net/ipv4/ip_forward", "1");
  set("net/ipv6/conf/all/forwarding", "1");
});

function set(path: string, value: string): void {
  kernel.host.sysctls.write(path, value);
}

/** Makes a link that is up, with addresses. */
function addUplink(name: string): void {
  const host = kernel.openRoute();
  addBridge(host, { name });
  setLink(host, getLink(host, name), { up: true });
  for (const text of ["192.0.2.2/24", "2001:db8::2/64"]) {
    addAddress(host, getLink(host, name), { prefix: prefix(text), withoutDad: true });
  }
  for (const [anywhere, gw] of [
    ["0.0.0.0/0", "192.0.2.1"],
    ["::/0", "2001:db8::1"],
  ] as const)
    addRoute(host, getLink(host, name), { destination: prefix(anywhere), gateway: address(gw) });
}

function examine(...networks: readonly ReturnType<typeof networkOf>[]): readonly string[] {
  return wrong(sysctlCheck.run(examinationOf(networks.length === 0 ? [dual] : networks, { kernel })));
}

test("a host before the first container needs nothing, because ADD turns forwarding on", () => {
  set("net/ipv4/ip_forward", "0");
  expect(examine()).toEqual([]);
});

test("forwarding that somebody turned off is an error for each family that is used", () => {
  addBridge(kernel.openRoute(), { name: "cni0" });
  expect(examine()).toEqual([]);
  set("net/ipv4/ip_forward", "0");
  set("net/ipv6/conf/all/forwarding", "0");
  expect(examine()).toEqual([
    "error net.ipv4.ip_forward: 0: the host does not forward IPv4 for networks x | sysctl -w net.ipv4.ip_forward=1",
    "error net.ipv6.conf.all.forwarding: 0: the host does not forward IPv6 for networks x | sysctl -w net.ipv6.conf.all.forwarding=1",
  ]);
});

test("a bridge or an uplink that does not forward is an error", () => {
  addBridge(kernel.openRoute(), { name: "cni0" });
  addUplink("up.5");
  set("net/ipv4/conf/cni0/forwarding", "0");
  set("net/ipv4/conf/up.5/forwarding", "0");
  expect(examine().filter((line) => line.startsWith("error"))).toEqual([
    "error net.ipv4.conf.cni0.forwarding: 0: the host does not forward IPv4 through this link for networks x | sysctl -w net.ipv4.conf.cni0.forwarding=1",
    "error net/ipv4/conf/up.5/forwarding: 0: the host does not forward IPv4 through this link for networks x | sysctl -w net/ipv4/conf/up.5/forwarding=1",
  ]);
});

test("each uplink of a default route with several is looked at", () => {
  addBridge(kernel.openRoute(), { name: "cni0" });
  for (const name of ["up0", "up1"]) {
    addBridge(kernel.openRoute(), { name, up: true });
    set(`net/ipv4/conf/${name}/forwarding`, "0");
    set(`net/ipv4/conf/${name}/rp_filter`, "1");
  }
  const [up0, up1] = ["up0", "up1"].map((name) => getLink(kernel.openRoute(), name));
  for (const anywhere of ["0.0.0.0/0", "::/0"])
    addRoute(kernel.openRoute(), getLink(kernel.openRoute(), "up0"), { destination: prefix(anywhere) });
  const ways = [up0, up1].map((link) => ({ index: link?.index ?? 0, gateway: undefined }));
  kernel.host.routes = kernel.host.routes.map((each) => (each.destination.length === 0 ? { ...each, ways } : each));
  const subjects = examine().map((line) => line.replace(/: .*/, ""));
  expect(subjects.filter((subject) => subject.includes("up1"))).toEqual([
    "error net.ipv4.conf.up1.forwarding",
    "note net.ipv4.conf.up1.rp_filter",
    "warning net.ipv6.conf.up1.accept_ra",
  ]);
});

test('strict rp_filter is a note, also where only "all" is strict', () => {
  addBridge(kernel.openRoute(), { name: "cni0" });
  set("net/ipv4/conf/all/rp_filter", "1");
  expect(examine()).toEqual([
    "note net.ipv4.conf.cni0.rp_filter: 1: strict. The host drops packets that come in here if the answer would leave by another link, as with two uplinks, a VPN or routes by policy | sysctl -w net.ipv4.conf.cni0.rp_filter=2",
  ]);
  set("net/ipv4/conf/cni0/rp_filter", "2");
  expect(examine()).toEqual([]);
});

test("accept_ra 1 on the uplink of a host that forwards IPv6 is a warning", () => {
  addUplink("up0");
  expect(examine()).toEqual([
    "warning net.ipv6.conf.up0.accept_ra: 1: the host forwards IPv6, so this link ignores router advertisements, and an address or a default route that came by them expires | sysctl -w net.ipv6.conf.up0.accept_ra=2",
  ]);
  set("net/ipv6/conf/up0/accept_ra", "2");
  expect(examine()).toEqual([]);
  set("net/ipv6/conf/up0/accept_ra", "1");
  expect(
    examine(networkOf({ plugins: [{ ...ROUTED, ipam: { type: "host-local", subnet: "10.88.0.0/16" } }] })),
  ).toEqual([]);
});

test("a bridge with IPv6 turned off is an error where the list has IPv6", () => {
  addBridge(kernel.openRoute(), { name: "cni0" });
  set("net/ipv6/conf/cni0/disable_ipv6", "1");
  expect(examine()).toEqual([
    "error net.ipv6.conf.cni0.disable_ipv6: 1: the bridge has no IPv6, which networks x need | sysctl -w net.ipv6.conf.cni0.disable_ipv6=0",
  ]);
});
