import { beforeEach, describe, expect, test } from "vitest";
import { parsePortmapConfig } from "../../../plugins/portmap/config.ts";
import {
  addRedirects,
  deleteOutdatedRedirects,
  deleteOwnRedirects,
  deleteRedirects,
  listRedirects,
  probeRedirects,
} from "../../../plugins/portmap/nftables.ts";
import { verifyRedirects } from "../../../plugins/portmap/nftables-check.ts";
import { type Plan, planPorts } from "../../../plugins/portmap/plan.ts";
import { formatEndpoint, formatHostEnd } from "../../../plugins/portmap/redirect.ts";
import { createRequest, type Request } from "../../../src/cni/request.ts";
import { currentAddresses } from "../../../src/netfilter/outdated.ts";
import { selectOwner, selectStale } from "../../../src/netfilter/owner.ts";
import type { Nfnetlink } from "../../../src/netlink/socket.ts";
import { arrangeNetfilter, failEach } from "../../kernel/failures.ts";
import { FakeKernel } from "../../kernel/fake-kernel.ts";
import { address, prefix } from "../../netlink/text.ts";

let kernel: FakeKernel;
let netlink: Nfnetlink;

beforeEach(() => {
  kernel = new FakeKernel();
  netlink = kernel.openNetfilter();
});

const web = { hostPort: 8080, containerPort: 80, protocol: "tcp" };
const dns = { hostPort: 53, containerPort: 5353, protocol: "udp" };

/** A call for an interface of a container. */
function requestOf(fields: object, { containerId = "one", ifname = "eth0" } = {}): Request {
  const json = { cniVersion: "1.1.0", name: "net1", type: "portmap", ...fields };
  return createRequest("ADD", {
    network: { name: "net1", json },
    version: "1.1.0",
    stdin: Buffer.from(JSON.stringify(json)),
    environment: { CNI_CONTAINERID: containerId, CNI_IFNAME: ifname },
    log: () => {},
  });
}

/** What is to be mapped to a container's addresses. */
function planOf(
  portMappings: readonly object[],
  {
    address = "10.88.0.2/16",
    containerId = "one",
    ifname = "eth0",
    ...fields
  }: Record<string, unknown> & {
    address?: string;
    containerId?: string;
    ifname?: string;
  } = {},
): Plan {
  const request = requestOf({ runtimeConfig: { portMappings }, ...fields }, { containerId, ifname });
  const ips = [address, "fd00:88::2/64"].map((text) => ({ address: prefix(text) }));
  const result = { interfaces: [], ips, routes: [], dns: {} };
  return { ...planPorts(request, parsePortmapConfig(request), result), localnet: undefined };
}

/** What is mapped, as people write it. */
function mapped(owner = { network: "net1", ifname: "eth0", containerId: "one" }): readonly string[] {
  return listRedirects(netlink, selectOwner(owner)).map(
    (each) => `${formatHostEnd(each)} ${formatEndpoint(each.to, each.toPort)}`,
  );
}

/** The lines of the snapshot that are elements or chains. */
function lines(what: string): readonly string[] {
  return kernel.snapshot()["host"]?.rules.filter((line) => line.includes(what)) ?? [];
}

describe("addRedirects()", () => {
  test("maps each port for both families, in one transaction that verifyRedirects() finds nothing missing of", () => {
    const plan = planOf([web, { ...dns, hostIP: "192.0.2.1" }]);
    addRedirects(netlink, plan);
    expect(mapped()).toEqual(expect.arrayContaining([expect.stringContaining("10.88.0.2:80")]));
    expect(mapped()).toHaveLength(3);
    expect(verifyRedirects(netlink, plan)).toEqual([]);
    expect(kernel.log.filter((line) => line.includes("add element"))).toHaveLength(1);
  });

  test("replaces what the attachment had mapped before", () => {
    addRedirects(netlink, planOf([web, dns]));
    const plan = planOf([{ ...web, hostPort: 9090 }]);
    const asked = kernel.requests;
    addRedirects(netlink, plan);
    expect(kernel.log.slice(asked).filter((line) => line.includes("add element"))).toHaveLength(1);
    expect(mapped().every((each) => each.includes("9090"))).toBe(true);
    expect(verifyRedirects(netlink, plan)).toEqual([]);
  });

  test("twice is once", () => {
    addRedirects(netlink, planOf([web]));
    const before = kernel.snapshot();
    addRedirects(netlink, planOf([web]));
    expect(kernel.snapshot()).toEqual(before);
  });

  test("refuses a port that another container has, and changes nothing", () => {
    addRedirects(netlink, planOf([web]));
    const before = kernel.snapshot();
    const other = planOf([dns, web], { address: "10.88.0.3/16", containerId: "two" });
    expect(() => addRedirects(netlink, other)).toThrow(
      /^Cannot map .*8080.*: it is mapped to 10\.88\.0\.2:80, interface "eth0" of container "one" on network "net1"/,
    );
    expect(kernel.snapshot()).toEqual(before);
  });

  test("refuses a port of all addresses that another has of one, and the other way round", () => {
    const one = { ...web, hostIP: "192.0.2.1" };
    for (const [first, second] of [
      [web, one],
      [one, web],
    ]) {
      const host = new FakeKernel().openNetfilter();
      addRedirects(host, planOf([first ?? web]));
      const other = planOf([second ?? web], { address: "10.88.0.3/16", containerId: "two" });
      expect(() => addRedirects(host, other)).toThrow("Cannot map");
    }
  });

  test("leaves a port to another interface of the same container that has it", () => {
    addRedirects(netlink, planOf([web]));
    const plan = planOf([web, dns], { ifname: "eth1" });
    addRedirects(netlink, plan);
    const second = { network: "net1", ifname: "eth1", containerId: "one" };
    expect(mapped(second).every((each) => each.includes("53"))).toBe(true);
    expect(mapped()).toHaveLength(2);
    expect(verifyRedirects(netlink, plan)).toEqual([]);
  });

  test("makes all or nothing, whichever of its requests fails", () => {
    const count = failEach(
      arrangeNetfilter,
      ({ netfilter }, defer) => {
        defer(() => deleteOwnRedirects(netfilter, { network: "net1", ifname: "eth0", containerId: "one" }));
        addRedirects(netfilter, planOf([web]));
      },
      // The table stays, for others.
      ({ kernel: { host } }) => host.rules.tables.flatMap(({ sets }) => sets).flatMap(({ elements }) => elements),
    );
    expect(count).toBeGreaterThan(3);
  });

  test("begins anew where others change the rule set meanwhile", () => {
    addRedirects(netlink, planOf([web], { containerId: "two" }));
    const asked = kernel.requests;
    addRedirects(netlink, planOf([dns]));
    const needed = kernel.requests - asked;
    deleteOwnRedirects(netlink, { network: "net1", ifname: "eth0", containerId: "one" });
    kernel.refuse(needed, 85);
    addRedirects(netlink, planOf([dns]));
    expect(mapped()).toHaveLength(2);
  });
});

describe("verifyRedirects()", () => {
  test("names what is missing, what leads elsewhere, and what nobody asks for", () => {
    addRedirects(netlink, planOf([web]));
    const found = verifyRedirects(netlink, planOf([dns])).join("\n");
    expect(found).toContain("is missing");
    expect(found).toContain("is mapped to 10.88.0.2:80, expected no mapping");
    const elsewhere = verifyRedirects(netlink, planOf([{ ...web, containerPort: 81 }])).join("\n");
    expect(elsewhere).toContain("leads elsewhere than this attachment's does");
  });

  test("names what belongs to another container by now", () => {
    addRedirects(netlink, planOf([web], { containerId: "two" }));
    expect(verifyRedirects(netlink, planOf([web])).join("\n")).toContain("belongs to another attachment");
  });
});

describe("deleteOutdatedRedirects()", () => {
  const one = { ifname: "eth0", containerId: "one" };
  const end = (...addresses: readonly string[]) =>
    deleteOutdatedRedirects(
      netlink,
      "net1",
      currentAddresses("net1", [{ ...one, addresses: addresses.map(address) }]),
    ).map(({ hostPort }) => hostPort);

  test("takes the mappings to addresses that the attachment no longer has, and with the last everything of it", () => {
    addRedirects(netlink, planOf([web, { ...dns, hostIP: "192.0.2.1" }]));
    addRedirects(netlink, planOf([{ ...web, hostPort: 81 }], { address: "10.88.0.3/16", containerId: "two" }));
    expect(end("10.88.0.2", "fd00:88::2")).toEqual([]);
    expect(end("10.88.0.9", "fd00:88::2")).toEqual([53, 8080]);
    expect(mapped()).toEqual(["[::]:8080/tcp [fd00:88::2]:80"]);
    // The way of each mapping went with its target, and the mark of the attachment is still there.
    expect(lines("id: one")).toHaveLength(3);
    expect(end("10.88.0.9")).toEqual([8080]);
    expect(lines("id: one")).toEqual([]);
    expect(mapped({ network: "net1", ifname: "eth0", containerId: "two" })).toHaveLength(2);
  });

  test("takes the chains of conditions too", () => {
    addRedirects(netlink, planOf([web], { conditionsV4: ["ip", "saddr", "192.0.2.0/24"] }));
    expect(lines("passed4_")).not.toEqual([]);
    expect(end("10.88.0.9", "fd00:88::9")).toEqual([8080, 8080]);
    expect([lines("passed4_"), lines("if4_")]).toEqual([[], []]);
  });
});

describe("deleteRedirects()", () => {
  test("takes what is the attachment's, and the chains that nobody else needs", () => {
    addRedirects(netlink, planOf([web]));
    const one = lines("");
    addRedirects(netlink, planOf([dns], { address: "10.99.0.3/24", containerId: "two" }));
    expect(lines("chain from_").length).toBeGreaterThan(one.filter((line) => line.includes("chain from_")).length);
    const two = { network: "net1", ifname: "eth0", containerId: "two" };
    expect(deleteRedirects(netlink, selectOwner(two)).map(({ hostPort }) => hostPort)).toEqual([53, 53]);
    expect(lines("")).toEqual(one);
    expect(deleteOwnRedirects(netlink, two)).toEqual([]);
  });

  test("takes what is a network's, but for those that are still valid", () => {
    addRedirects(netlink, planOf([web]));
    addRedirects(netlink, planOf([dns], { containerId: "two" }));
    deleteRedirects(netlink, selectStale("net1", [{ containerId: "one", ifname: "eth0" }]));
    expect(mapped()).toHaveLength(2);
    expect(lines(" element ").some((line) => line.includes("id: two"))).toBe(false);
  });

  test("asks one question where the attachment has none", () => {
    addRedirects(netlink, planOf([web]));
    const asked = kernel.requests;
    expect(deleteOwnRedirects(netlink, { network: "net1", ifname: "eth9", containerId: "one" })).toEqual([]);
    expect(kernel.requests).toBe(asked + 1);
  });
});

describe("probeRedirects()", () => {
  test("changes nothing, and asks for nothing where the table is there", () => {
    const before = kernel.snapshot();
    probeRedirects(netlink, 0x2000);
    expect(kernel.snapshot()).toEqual(before);
    kernel.features.missingExpressions.add("fib");
    expect(() => probeRedirects(netlink, 0x2000)).toThrow(/^Cannot add rule "fib daddr type local/);
  });
});
