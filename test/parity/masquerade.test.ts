import { describe, expect, it } from "vitest";
import { network } from "./networks.ts";
import { referenceDir } from "./reference.ts";
import { readNamespace } from "./snapshot.ts";
import { expectTwins, type Side } from "./twins.ts";

const ranges = [[{ subnet: "10.1.2.0/24" }], [{ subnet: "fd00::/64" }]];
const OUTSIDE = { 4: "203.0.113.2", 6: "2001:db8:f::2" } as const;

/**
 * Links the host to a namespace that knows the host's addresses on that link and no way back to any container, and waits
 * until the link is up.
 */
function addOutside(side: Side): void {
  const outside = side.lab.addNamespace("outside");
  side.lab.run(["sh", "-c", "echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad"], outside);
  side.lab.run(["ip", "link", "add", "up0", "type", "veth", "peer", "name", "eth0", "netns", `${side.lab.id}-outside`]);
  const commands = (link: string, host: string) => `
    ip address add 203.0.113.${host}/24 dev ${link}; ip address add 2001:db8:f::${host}/64 dev ${link} nodad
    ip link set ${link} up; ip link set lo up`;
  side.lab.run(["sh", "-ec", commands("up0", "1")]);
  side.lab.run(["sh", "-ec", commands("eth0", "2")], outside);
  readNamespace(side.lab, outside);
}

/** Which families of the outside answer the container. Without masquerade neither can. */
function reached(side: Side, { seconds = 10 } = {}): unknown {
  const ping = (to: string) => side.lab.try(["ping", "-n", "-c1", `-W${seconds}`, to], side.netns()).status === 0;
  return { 4: ping(OUTSIDE[4]), 6: ping(OUTSIDE[6]) };
}

/** Whether the host's rules still mention a container. */
function isMentioned(side: Side, container = "c1"): boolean {
  const rules = side.lab.run(["nft", "list", "ruleset"]) + side.lab.run(["iptables-save"]);
  return new RegExp(`\\b${container}\\b|10\\.1\\.2\\.[2-9]`).test(rules);
}

describe("bridge masquerades like the reference", () => {
  it.each([undefined, "iptables", "nftables"])("B33: ADD, CHECK, DEL with ipMasqBackend %s", (ipMasqBackend) => {
    const backend = ipMasqBackend === undefined ? {} : { ipMasqBackend };
    expectTwins((side) => {
      addOutside(side);
      const config = network(side, { cniVersion: "1.1.0", ranges, ipMasq: true, ...backend });
      const prevResult = side.add(config);
      expect(isMentioned(side)).toBe(true);
      expect(reached(side)).toEqual({ 4: true, 6: true });
      side.check({ ...config, prevResult });
      side.del({ ...config, prevResult });
      expect(isMentioned(side)).toBe(false);
    });
  });

  it("reaches nothing outside without ipMasq", () => {
    expectTwins((side) => {
      addOutside(side);
      side.add(network(side, { cniVersion: "1.1.0", ranges }));
      expect(reached(side, { seconds: 1 })).toEqual({ 4: false, 6: false });
    });
  });

  it("keeps a container's source address inside its subnet", () => {
    expectTwins((side) => {
      const config = network(side, { cniVersion: "1.1.0", ranges, ipMasq: true, ipMasqBackend: "nftables" });
      side.add(config);
      side.add(config, { containerId: "c2" });
      expect(sourceSeen(side)).toBe("10.1.2.2");
    });
  });

  it("deletes what the reference's nftables rules have for a container", () => {
    expectTwins((side) => {
      const config = network(side, { cniVersion: "1.1.0", ranges, ipMasq: true, ipMasqBackend: "nftables" });
      const prevResult = side.add(config, { bin: referenceDir() });
      side.del({ ...config, prevResult });
      expect(isMentioned(side)).toBe(false);
    });
  });
});

/** The address from which c1's datagram comes to c2. */
function sourceSeen(side: Side): string {
  const listen = `require("dgram").createSocket("udp4").on("message", (_, { address }) => { console.log(address); process.exit(); }).bind(9999)`;
  const send = `const s = require("dgram").createSocket("udp4"); s.send("x", 9999, "10.1.2.3", () => s.close())`;
  const script = `"$0" -e '${listen}' & sleep 0.3; nsenter --net=${side.netns("c1")} "$0" -e '${send}'; wait`;
  return side.lab.run(["timeout", "10", "sh", "-ec", script, process.execPath], side.netns("c2")).trim();
}
