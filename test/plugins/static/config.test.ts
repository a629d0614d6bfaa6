import { describe, expect, it } from "vitest";
import { parseStaticConfig } from "../../../plugins/static/config.ts";
import { formatAddress } from "../../../src/ip/address.ts";
import { formatPrefix } from "../../../src/ip/prefix.ts";
import { addRequest } from "../request.ts";

type Options = Parameters<typeof addRequest>[1];

function request(fields: object, options: Options = {}) {
  return addRequest({ cniVersion: "1.1.0", name: "net1", ...fields }, options);
}

/** Each address with its gateway, as text. */
function ipsOf(fields: object, options?: Options): readonly string[] {
  return parseStaticConfig(request(fields, options)).ips.map(
    ({ address, gateway }) => `${formatPrefix(address)} ${gateway === undefined ? "-" : formatAddress(gateway)}`,
  );
}

const addresses = [
  { address: "10.10.0.5/24", gateway: "10.10.0.254" },
  { address: "fd00::5/64", gateway: "" },
];
const ipam = { type: "static", addresses };
const args = { cni: { ips: ["10.10.0.6/24"] } };
const runtimeConfig = { ips: ["10.10.0.7/24", "fd00::7/64"] };

describe("parseStaticConfig() takes", () => {
  it("the configured addresses in their order, then those of CNI_ARGS", () => {
    expect(ipsOf({ ipam }, { args: "IP=10.20.0.5/24, fd01::5/64" })).toEqual([
      "10.10.0.5/24 10.10.0.254",
      "fd00::5/64 -",
      "10.20.0.5/24 -",
      "fd01::5/64 -",
    ]);
    expect(ipsOf({ ipam }, { args: "IP=;GATEWAY=" })).toEqual(["10.10.0.5/24 10.10.0.254", "fd00::5/64 -"]);
  });

  it("the gateways of CNI_ARGS also for requested addresses, before which one of the configuration counts", () => {
    const options = { args: "GATEWAY=10.10.0.1,10.60.0.1" };
    const ips = ["10.10.0.9/24", "10.60.0.9/24"];
    expect(ipsOf({ ipam, runtimeConfig: { ips } }, options)).toEqual([
      "10.10.0.9/24 10.10.0.254",
      "10.60.0.9/24 10.60.0.1",
    ]);
  });

  it("one address of each family before 0.3.0, several from then on, and args without cni", () => {
    expect(ipsOf({ ipam, args: {} }, { version: "0.2.0" })).toHaveLength(2);
    expect(ipsOf({ ipam }, { version: "0.3.0", args: "IP=10.20.0.5/24" })).toHaveLength(3);
  });

  it("instead those of args, and instead of all those of runtimeConfig", () => {
    const options = { args: "IP=10.20.0.5/24" };
    expect(ipsOf({ ipam, args }, options)).toEqual(["10.10.0.6/24 10.10.0.254"]);
    expect(ipsOf({ ipam, args, runtimeConfig }, options)).toEqual(["10.10.0.7/24 10.10.0.254", "fd00::7/64 -"]);
    expect(ipsOf({ ipam, args: { cni: { ips: [] } }, runtimeConfig: { ips: [] } })).toHaveLength(2);
  });

  it("the gateways of CNI_ARGS for addresses without one whose subnet has it", () => {
    const options = { args: "IP=10.20.0.5/24,10.30.0.5/24;GATEWAY=10.20.0.1, fd00::1, 10.10.0.1" };
    expect(ipsOf({ ipam }, options)).toEqual([
      "10.10.0.5/24 10.10.0.254",
      "fd00::5/64 fd00::1",
      "10.20.0.5/24 10.20.0.1",
      "10.30.0.5/24 -",
    ]);
  });

  it("for a requested address the gateway of the configured subnet, which both subnets must have", () => {
    const ask = (...ips: string[]) => ipsOf({ ipam, runtimeConfig: { ips } });
    expect(ask("10.10.0.9/16", "10.10.1.9/16")).toEqual(["10.10.0.9/16 10.10.0.254", "10.10.1.9/16 -"]);
    expect(ask("10.10.0.9/32")).toEqual(["10.10.0.9/32 -"]);
  });

  it("what is requested also where what it replaces is no address", () => {
    expect(ipsOf({ ipam: { addresses: [{ address: "bad", gateway: "10.10.0.1" }] }, args })).toEqual([
      "10.10.0.6/24 -",
    ]);
  });

  it("an IPv4-mapped IPv6 prefix as the IPv4 prefix", () => {
    expect(ipsOf({ ipam: { addresses: [{ address: "::ffff:1.2.3.4/120" }] } })).toEqual(["1.2.3.4/24 -"]);
  });

  it("routes and DNS settings as they are", () => {
    const dns = { nameservers: ["10.10.0.1"], domain: "example.net", search: ["a"], options: ["ndots:2"] };
    const parsed = parseStaticConfig(request({ ipam: { ...ipam, routes: [{ dst: "10.9.0.1/16", mtu: 1400 }], dns } }));
    expect(parsed.dns).toEqual(dns);
    expect(parsed.routes.map(({ dst, mtu }) => [formatPrefix(dst), mtu])).toEqual([["10.9.0.1/16", 1400]]);
  });

  it("no address at all", () => {
    expect(ipsOf({ ipam: { type: "static" } })).toEqual([]);
  });
});

describe("parseStaticConfig() refuses", () => {
  const bare = "10.10.0.1";
  const lengthless = "write the address with its prefix length, such as 10.10.0.5/24";

  it.each<[string, object, Options, string, number, string?]>([
    ["no ipam", { args, runtimeConfig }, {}, "IPAM config missing 'ipam' key", 7],
    [
      "an address without length",
      { ipam: { addresses: [{ address: bare }] } },
      {},
      `the 'address' field is expected to be in CIDR notation, got: '${bare}'`,
      7,
      lengthless,
    ],
    [
      "an entry without address",
      { ipam: { addresses: [{ gateway: bare }] } },
      {},
      "the 'address' field is expected to be in CIDR notation, got: ''",
      7,
      lengthless,
    ],
    [
      "an address of args without length",
      { ipam, args: { cni: { ips: [bare] } }, runtimeConfig },
      {},
      `an entry in the 'ips' field is NOT in CIDR notation, got: '${bare}'`,
      7,
      lengthless,
    ],
    [
      "an address of runtimeConfig without length",
      { ipam, runtimeConfig: { ips: [bare] } },
      {},
      `an entry in the 'ips' field is NOT in CIDR notation, got: '${bare}'`,
      7,
      lengthless,
    ],
    [
      "an address of CNI_ARGS without length",
      { ipam, runtimeConfig },
      { args: `IP=${bare}` },
      `the 'ip' field is expected to be in CIDR notation, got: '${bare}'`,
      4,
      "in CNI_ARGS",
    ],
    [
      "a gateway of CNI_ARGS that is none",
      { ipam },
      { args: "GATEWAY=zz" },
      "invalid gateway address: zz",
      4,
      "in CNI_ARGS",
    ],
    ["an unknown key of CNI_ARGS", { ipam }, { args: "MAC=1" }, 'ARGS: unknown args ["MAC=1"]', 4, "in CNI_ARGS"],
    [
      "two addresses of a family before 0.3.0",
      { ipam },
      { args: "IP=10.20.0.5/24", version: "0.2.0" },
      "CNI version 0.2.0 does not support more than 1 address per family",
      7,
    ],
  ])("%s", (_, fields, options, message, code, details = "") => {
    expect(() => parseStaticConfig(request(fields, options))).toThrow(
      expect.objectContaining({ message, code, details }),
    );
  });

  it("a configured gateway that is none", () => {
    expect(() => ipsOf({ ipam: { addresses: [{ address: "10.10.0.5/24", gateway: "x" }] } })).toThrow(
      "ipam.addresses[0].gateway",
    );
  });
});
