import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Lab } from "../lab.ts";

let lab: Lab;

beforeEach(() => {
  lab = new Lab();
});

afterEach(() => lab.dispose());

/** RFC 4861, 4.2 and 4.6.2 */
const ROUTER = `
import socket, struct, sys
s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
prefix = struct.pack("!BBBBIII16s", 3, 4, 64, 0xc0, 3600, 3600, 0, socket.inet_pton(socket.AF_INET6, "2001:db8:1::"))
index = socket.if_nametoindex(sys.argv[1])
s.sendto(struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0) + prefix, ("ff02::1", 0, 0, index))
`;

describe("a host whose IPv6 default route is a router's advertisement", () => {
  const value = (link: string, name: string) => lab.run(["cat", `/proc/sys/net/ipv6/conf/${link}/${name}`]).trim();

  /** Advertises until the host has what is advertised. */
  function advertise(router: string): void {
    for (let attempt = 0; lab.ip("-6 route show default").length === 0; attempt++) {
      if (attempt === 20) throw new Error("No default route by a router's advertisement");
      lab.run(["python3", "-c", ROUTER, "lan0"], router);
      lab.run(["sleep", "0.1"]);
    }
  }

  it("keeps it, its address and links that take none, when the first container comes", () => {
    const router = lab.addNamespace("router");
    lab.run(["ip", "link", "add", "up0", "type", "veth", "peer", "name", "lan0", "netns", router]);
    lab.run(["ip", "link", "add", "up1", "type", "bridge"]);
    lab.run(["sysctl", "-qw", "net.ipv6.conf.up1.accept_ra=0"]);
    lab.run(["ip", "link", "set", "lan0", "addrgenmode", "none"], router);
    lab.run(["ip", "address", "add", "fe80::1/64", "dev", "lan0", "nodad"], router);
    lab.run(["ip", "link", "set", "lan0", "up"], router);
    lab.run(["ip", "link", "set", "up0", "up"]);
    lab.run(["ip", "link", "set", "up1", "up"]);
    advertise(router);
    const netns = lab.addNamespace("c1");
    const ranges = [[{ subnet: "10.88.0.0/24" }], [{ subnet: "fd00:88::/64" }]];
    const ipam = { type: "host-local", dataDir: lab.dataDir, ranges };
    const config = { cniVersion: "1.1.0", name: "net1", type: "bridge", bridge: "br0", isGateway: true, ipam };
    expect(lab.plugin("bridge", { command: "ADD", config, netns })).toMatchObject({ status: 0, stderr: "" });
    expect(value("all", "forwarding")).toBe("1");
    expect(lab.ip("-6 route show default")).toMatchObject([{ dev: "up0", gateway: "fe80::1", protocol: "ra" }]);
    expect([value("up0", "accept_ra"), value("up1", "accept_ra"), value("br0", "accept_ra")]).toEqual(["2", "0", "0"]);
    expect(value("default", "accept_ra")).toBe("1");
    lab.run(["ip", "-6", "route", "del", "default"]);
    advertise(router);
  });
});
