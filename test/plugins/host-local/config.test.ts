import { describe, expect, test } from "vitest";
import { parseHostLocal, parseRelease } from "../../../plugins/host-local/config.ts";
import { formatRangeSet } from "../../../plugins/host-local/range-set.ts";
import type { Request } from "../../../src/cni/request.ts";
import type { SpecVersion } from "../../../src/cni/version.ts";
import { formatAddress } from "../../../src/ip/address.ts";
import { addRequest } from "../request.ts";
import { refusal } from "./refusal.ts";

function request(
  config: object,
  { args = "", version = "0.3.1", name = "mynet" }: { args?: string; version?: SpecVersion; name?: string } = {},
): Request {
  const json = { cniVersion: "0.3.1", name: "mynet", type: "ipvlan", master: "foo0", ...config };
  return addRequest(json, { network: name, version, args });
}

/** Range sets as texts: "start-end gateway". */
function sets(config: object, version?: SpecVersion): string[] {
  const parsed = parseHostLocal(request(config, version === undefined ? {} : { version }));
  return parsed.sets.map(
    (set) => `${formatRangeSet(set)} ${set.map((range) => range.gateway && formatAddress(range.gateway)).join(",")}`,
  );
}

function requested(config: object, args?: string): string[] {
  return parseHostLocal(request(config, args === undefined ? {} : { args })).requested.map(formatAddress);
}

const legacy = { subnet: "10.1.2.0/24", rangeStart: "10.1.2.9", rangeEnd: "10.1.2.20", gateway: "10.1.2.30" };
const second = { subnet: "11.1.2.0/24", rangeStart: "11.1.2.9", rangeEnd: "11.1.2.20", gateway: "11.1.2.30" };

describe("parseHostLocal()", () => {
  test("C1: makes one set of the legacy range", () => {
    expect(sets({ ipam: { type: "host-local", ...legacy } })).toEqual(["10.1.2.9-10.1.2.20 10.1.2.30"]);
  });

  test("C2: reads range sets and fills in what they leave open", () => {
    expect(sets({ ipam: { ranges: [[legacy, { subnet: "10.1.4.0/24" }], [second]] } })).toEqual([
      "10.1.2.9-10.1.2.20,10.1.4.1-10.1.4.254 10.1.2.30,10.1.4.1",
      "11.1.2.9-11.1.2.20 11.1.2.30",
    ]);
  });

  test("C3: puts the runtime's ranges first, then the legacy one, then the configured", () => {
    const runtimeConfig = { irrelevant: "a", ipRanges: [[{ subnet: "12.1.3.0/24" }]] };
    expect(sets({ runtimeConfig, ipam: { ...legacy, ranges: [[second]] } })).toEqual([
      "12.1.3.1-12.1.3.254 12.1.3.1",
      "10.1.2.9-10.1.2.20 10.1.2.30",
      "11.1.2.9-11.1.2.20 11.1.2.30",
    ]);
  });

  test("ignores a legacy gateway without subnet", () => {
    expect(sets({ ipam: { gateway: "10.9.9.9", ranges: [[{ subnet: "10.1.4.0/24" }]] } })).toEqual([
      "10.1.4.1-10.1.4.254 10.1.4.1",
    ]);
  });

  test("matches keys in any case, and takes null and an empty address as absent", () => {
    const ipam = { SUBNET: "10.1.4.0/24", rangestart: "", RangeEnd: null, Gateway: "10.1.4.3", ranges: null };
    expect(sets({ IPAM: ipam, RuntimeConfig: null, args: { cni: null } })).toEqual(["10.1.4.1-10.1.4.254 10.1.4.3"]);
  });

  test("C4: takes an address from CNI_ARGS", () => {
    expect(requested({ ipam: { ranges: [[legacy]] } }, "IP=10.1.2.10")).toEqual(["10.1.2.10"]);
  });

  test("C5: leaves out the prefix length in CNI_ARGS", () => {
    expect(requested({ ipam: { ranges: [[legacy]] } }, "IP=10.1.2.11/24")).toEqual(["10.1.2.11"]);
  });

  test.each([
    ["C6", ["10.1.2.11", "11.11.11.11", "2001:db8:1::11"], "IP=10.1.2.10"],
    ["C7", ["10.1.2.11/24", "11.11.11.11/24", "2001:db8:1::11/64"], "IP=10.1.2.10/24"],
  ])("%s: adds the addresses of args to the one of CNI_ARGS", (_title, ips, args) => {
    const ipam = { ranges: [[legacy], [second], [{ subnet: "2001:db8:1::/64" }]] };
    expect(requested({ args: { cni: { ips } }, ipam }, args)).toEqual([
      "10.1.2.10",
      "10.1.2.11",
      "11.11.11.11",
      "2001:db8:1::11",
    ]);
  });

  test("C13: takes addresses from the runtime, in the ranges or not", () => {
    const runtimeConfig = { ips: ["192.168.0.1", "192.168.0.5/24", "2001:db8::1/64"] };
    expect(requested({ runtimeConfig, ipam: { subnet: "10.1.2.0/24" } })).toEqual([
      "192.168.0.1",
      "192.168.0.5",
      "2001:db8::1",
    ]);
  });

  test("takes no address from an empty IP in CNI_ARGS", () => {
    expect(requested({ ipam: { subnet: "10.1.2.0/24" } }, "IP=;IgnoreUnknown=1;K8S_POD_NAME=x")).toEqual([]);
  });

  test("C12: takes a set of each family at 0.2.0", () => {
    const ipam = { ranges: [[{ subnet: "10.1.2.0/24" }], [{ subnet: "2001:db8:1::/48" }]] };
    expect(sets({ ipam }, "0.2.0")).toHaveLength(2);
  });

  test("puts the folder below dataDir, which is /var/lib/cni/networks unless told", () => {
    const at = (ipam: object) => parseHostLocal(request({ ipam: { subnet: "10.1.2.0/24", ...ipam } })).folder;
    expect([at({}), at({ dataDir: "" }), at({ dataDir: "/run/x/" })]).toEqual([
      "/var/lib/cni/networks/mynet",
      "/var/lib/cni/networks/mynet",
      "/run/x/mynet",
    ]);
  });

  const v4 = { subnet: "10.1.2.0/24" };
  test.each<[string, object, number, string]>([
    ["no ipam", {}, 7, "IPAM config missing 'ipam' key"],
    ["an ipam that is null", { ipam: null }, 7, "IPAM config missing 'ipam' key"],
    ["no ranges", { ipam: { type: "host-local" } }, 7, "no IP ranges specified"],
    ["an empty list of range sets", { ipam: { ranges: [] } }, 7, "no IP ranges specified"],
    ["an empty range set", { ipam: { ranges: [[v4], []] } }, 7, "invalid range set 1: empty range set"],
    ["a range without subnet", { ipam: { ranges: [[{}]] } }, 7, "invalid range set 0: IP <nil> not v4 nor v6"],
    [
      "an excluded address outside its range's subnet",
      { ipam: { ...v4, exclude: ["10.9.9.9"] } },
      7,
      'invalid range set 0: Cannot use exclude "10.9.9.9": must be an address or prefix in 10.1.2.0/24',
    ],
    [
      "exclude of another type",
      { ipam: { ...v4, exclude: "10.1.2.9" } },
      7,
      'Cannot use ipam.exclude "10.1.2.9": must be a list',
    ],
    [
      "a negative releaseDelay",
      { ipam: { ...v4, releaseDelay: -1 } },
      7,
      "Cannot use ipam.releaseDelay -1: must be an integer from 0 to 604800",
    ],
    [
      "a releaseDelay that is text",
      { ipam: { ...v4, releaseDelay: "30" } },
      7,
      'Cannot use ipam.releaseDelay "30": must be an integer from 0 to 604800',
    ],
    [
      "an IPv4-mapped subnet",
      { ipam: { subnet: "::ffff:10.9.0.0/120" } },
      7,
      "invalid range set 0: IPNet IP and Mask version mismatch",
    ],
    [
      "host bits",
      { ipam: { ranges: [[v4], [{ subnet: "192.0.2.5/24" }]] } },
      7,
      "invalid range set 1: Network has host bits set. For a subnet mask of length 24 the network address is 192.0.2.0",
    ],
    [
      "a start outside",
      { ipam: { ...v4, rangeStart: "10.1.3.1" } },
      7,
      "invalid range set 0: RangeStart 10.1.3.1 not in network 10.1.2.0/24",
    ],
    [
      "an end outside",
      { ipam: { ...v4, rangeEnd: "10.1.3.1" } },
      7,
      "invalid range set 0: RangeEnd 10.1.3.1 not in network 10.1.2.0/24",
    ],
    [
      "C8: sets that overlap",
      {
        ipam: {
          ranges: [
            [v4, { subnet: "10.2.2.0/24" }],
            [{ subnet: "10.1.4.0/24" }, v4],
          ],
        },
      },
      7,
      "range set 0 overlaps with 1",
    ],
    [
      "C9: ranges that overlap",
      { ipam: { ranges: [[{ subnet: "10.1.0.0/22" }, v4]] } },
      7,
      "invalid range set 0: subnets 10.1.0.1-10.1.3.254 and 10.1.2.1-10.1.2.254 overlap",
    ],
    [
      "C10: both families in one set",
      { ipam: { ranges: [[{ subnet: "10.1.0.0/22" }, { subnet: "2001:db8:5::/64" }]] } },
      7,
      "invalid range set 0: mixed address families",
    ],
    [
      "a flat list of ranges",
      { ipam: { ranges: [v4] } },
      7,
      'Cannot use ipam.ranges[0] {"subnet":"10.1.2.0/24"}: must be a list',
    ],
    [
      "a subnet that is none",
      { ipam: { subnet: "10.1.2.0" } },
      7,
      'Cannot use ipam.subnet "10.1.2.0": must be an IP prefix such as 10.1.0.0/16',
    ],
    [
      "an empty subnet",
      { ipam: { subnet: "" } },
      7,
      'Cannot use ipam.subnet "": must be an IP prefix such as 10.1.0.0/16',
    ],
    [
      "a gateway with leading zeros",
      { ipam: { ...v4, gateway: "10.01.2.1" } },
      7,
      'Cannot use ipam.gateway "10.01.2.1": must be an IP address',
    ],
    ["a dataDir of another type", { ipam: { ...v4, dataDir: 5 } }, 7, "Cannot use ipam.dataDir 5: must be a path"],
    [
      "a dataDir that is no path",
      { ipam: { ...v4, dataDir: "/a\0b" } },
      7,
      'Cannot use ipam.dataDir "/a\\u0000b": must be a path',
    ],
    [
      "a route without dst",
      { ipam: { ...v4, routes: [{ gw: "10.1.2.1" }] } },
      7,
      "Cannot find ipam.routes[0].dst: must be an IP prefix such as 10.1.0.0/16",
    ],
    ["a bad address in args", { args: { cni: { ips: ["junk"] } }, ipam: v4 }, 7, "invalid IP address junk"],
    [
      "an empty address in args",
      { args: { cni: { ips: [""] } }, ipam: v4 },
      7,
      "cannot understand ip: IP <nil> not v4 nor v6",
    ],
    [
      "a null in runtimeConfig.ips",
      { runtimeConfig: { ips: [null] }, ipam: v4 },
      7,
      "Cannot use runtimeConfig.ips[0] null: must be a string",
    ],
  ])("refuses %s", (_title, config, code, message) => {
    expect(refusal(() => parseHostLocal(request(config)))).toEqual({ code, message });
  });

  test.each<[SpecVersion]>([["0.1.0"], ["0.2.0"]])("C11: refuses two sets of one family at %s", (version) => {
    const ipam = { ranges: [[{ subnet: "10.1.2.0/24" }], [{ subnet: "11.1.2.0/24" }]] };
    expect(refusal(() => parseHostLocal(request({ ipam }, { version })))).toEqual({
      code: 7,
      message: `CNI version ${version} does not support more than 1 address per family`,
    });
  });

  test.each([
    ["IP=junk", 'ARGS: error parsing value of pair "IP=junk": invalid IP address junk'],
    ["MAC=02:00:00:00:00:01", 'ARGS: unknown args ["MAC=02:00:00:00:00:01"]'],
    ["ip=10.1.2.3", 'ARGS: unknown args ["ip=10.1.2.3"]'],
  ])("refuses CNI_ARGS %s", (args, message) => {
    expect(refusal(() => parseHostLocal(request({ ipam: v4 }, { args })))).toEqual({ code: 4, message });
  });
});

describe("parseRelease()", () => {
  test("finds the leases whatever else is wrong with the configuration", () => {
    const ipam = { dataDir: "/run/x", subnet: 5, ranges: "none", routes: [{}], resolvConf: {} };
    expect(parseRelease(request({ ipam, args: 1, runtimeConfig: 1 }, { args: "IP" })).folder).toBe("/run/x/mynet");
  });

  test("takes the default folder where there is no ipam", () => {
    expect(parseRelease(request({})).folder).toBe("/var/lib/cni/networks/mynet");
  });

  test("refuses a dataDir that cannot be read", () => {
    expect(refusal(() => parseRelease(request({ ipam: { dataDir: ["/run"] } })))).toEqual({
      code: 7,
      message: 'Cannot use ipam.dataDir ["/run"]: must be a path',
    });
  });

  test.each([[".."], ["."], ["../etc"], ["a/b"], [""]])("never lets the name %j lead to another folder", (name) => {
    expect(refusal(() => parseRelease(request({}, { name })))).toEqual({
      code: 7,
      message: `Cannot use name "${name}": must be the name of a folder`,
    });
  });
});

describe("releaseDelay", () => {
  test.each([
    [{}, 0],
    [{ releaseDelay: null }, 0],
    [{ RELEASEDELAY: 30 }, 30],
  ])("of %j is %d s", (ipam, expected) => {
    expect(parseHostLocal(request({ ipam: { subnet: "10.1.2.0/24", ...ipam } })).releaseDelay).toBe(expected);
    expect(parseRelease(request({ ipam })).releaseDelay).toBe(expected);
  });

  test.each([
    [{ ipam: { releaseDelay: "30" } }],
    [{ ipam: { releaseDelay: -1 } }],
    [{ ipam: { releaseDelay: 1.5 } }],
    [{}],
  ])("is 0 for DEL where it is not plain (%j)", (config) => {
    expect(parseRelease(request(config)).releaseDelay).toBe(0);
  });
});

describe("a range without subnet", () => {
  test.each([
    [
      { ranges: [[{ subnett: "10.1.0.0/16" }]] },
      ["ipam", "ranges", 0, 0],
      'ipam.ranges[0][0].subnett is unknown: did you mean "subnet"?',
    ],
    [
      { ranges: [[{ subnet: "10.1.0.0/24" }, { rangeStart: "10.1.1.5" }]] },
      ["ipam", "ranges", 0, 1],
      'network "net1": a range has no "subnet"',
    ],
    [{ subnett: "10.1.0.0/16" }, undefined, 'ipam.subnett is unknown: did you mean "subnet"?'],
  ])("of %j is named by its path, its network and the key that was meant", (ipam, path, details) => {
    const request = addRequest({ cniVersion: "1.1.0", name: "net1", ipam: { type: "host-local", ...ipam } });
    const named = expect.objectContaining({ path, details: expect.stringContaining(details) });
    expect(() => parseHostLocal(request)).toThrow(named);
    expect(() => parseHostLocal(request)).toThrow(
      expect.objectContaining({ details: expect.stringMatching(/^network "net1": /) }),
    );
  });
});
