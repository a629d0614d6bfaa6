import { beforeEach, describe, expect, test } from "vitest";
import { parsePortmapConfig } from "../../../plugins/portmap/config.ts";
import { checkLocalnet, enableLocalnet, findLocalnet } from "../../../plugins/portmap/localnet.ts";
import type { Redirects } from "../../../plugins/portmap/redirect.ts";
import { addAddress } from "../../../src/netlink/address/add.ts";
import { addBridge } from "../../../src/netlink/link/add.ts";
import { getLink } from "../../../src/netlink/link/get.ts";
import type { Host } from "../../../src/steps/host.ts";
import { FakeKernel } from "../../kernel/fake-kernel.ts";
import { hostOn } from "../../kernel/host.ts";
import { address, prefix } from "../../netlink/text.ts";
import { addRequest } from "../request.ts";

let kernel: FakeKernel;
let host: Host;

/** A host whose bridge cni0 leads to 10.88.0.0/16 and fd00:88::/64. */
beforeEach(() => {
  kernel = new FakeKernel();
  host = hostOn(kernel);
  addBridge(host.netlink, { name: "cni0", up: true });
  for (const text of ["10.88.0.1/16", "fd00:88::1/64"])
    addAddress(host.netlink, getLink(host.netlink, "cni0"), { prefix: prefix(text), withoutDad: true });
});

/** Mappings to that address, one for each of the host's. */
function redirectsTo(to: string, ...hostIps: readonly (string | undefined)[]): Redirects {
  const target = address(to);
  const redirects = hostIps.map((hostIp, index) => ({
    ...{ protocol: "tcp" as const, hostPort: 80 + index, to: target, toPort: 80 },
    hostIp: hostIp === undefined ? undefined : address(hostIp),
  }));
  return { family: target.family, subnets: [], redirects };
}

function linkOf(...families: readonly Redirects[]): string | undefined {
  return findLocalnet(host, { ...plan, families });
}

const plan = {
  owner: { network: "net1", containerId: "c1", ifname: "eth0" },
  config: parsePortmapConfig(addRequest({ cniVersion: "1.1.0", name: "net1", type: "portmap" })),
  masquerading: { mark: 0x2000, all: false },
};

describe("findLocalnet()", () => {
  test.each([
    ["all addresses of the host", [undefined], "cni0"],
    ["a loopback address, among others", ["192.0.2.1", "127.0.0.2"], "cni0"],
    ["another address", ["192.0.2.1"], undefined],
  ])("of mappings of %s", (_, hostIps, link) => expect(linkOf(redirectsTo("10.88.0.2", ...hostIps))).toBe(link));

  test("of IPv6 is none: the kernel has no such parameter", () => {
    expect(linkOf(redirectsTo("fd00:88::2", undefined, "::1"))).toBeUndefined();
    expect(linkOf(redirectsTo("fd00:88::2", undefined), redirectsTo("10.88.0.2", undefined))).toBe("cni0");
  });

  test("is none where nothing is masqueraded, and where no route leads to the container", () => {
    const families = [redirectsTo("10.88.0.2", undefined)];
    expect(findLocalnet(host, { ...plan, families, masquerading: undefined })).toBeUndefined();
    expect(linkOf(redirectsTo("10.99.0.2", undefined))).toBeUndefined();
  });
});

test("enableLocalnet() writes what checkLocalnet() looks for, of one link", () => {
  const off = "Sysctl net.ipv4.conf.cni0.route_localnet is 0, expected 1";
  expect(checkLocalnet(host, "cni0")).toEqual([off]);
  enableLocalnet(host, "cni0");
  expect(checkLocalnet(host, "cni0")).toEqual([]);
  expect(kernel.host.sysctls.read("net/ipv4/conf/all/route_localnet")).toBe("0");
  expect(checkLocalnet(host, "gone0")).toEqual([expect.stringContaining("gone0")]);
});
