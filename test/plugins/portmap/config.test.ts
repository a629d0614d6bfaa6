import { describe, expect, it } from "vitest";
import { parsePortmapConfig } from "../../../plugins/portmap/config.ts";
import { parseAddress } from "../../../src/ip/address.ts";
import { refusal } from "../host-local/refusal.ts";
import { portmapRequest } from "./request.ts";

const VERSIONS = ["0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"] as const;

const parse = (fields: object) => parsePortmapConfig(portmapRequest(fields));
const map = (mapping: object) => parse({ runtimeConfig: { portMappings: [mapping] } }).mappings[0];

describe("parsePortmapConfig()", () => {
  it.each(VERSIONS)("P1, P2: reads conditions and snat, with and without mappings, %s", (version) => {
    const conditions = { conditionsV4: ["-s", "1.2.3.4"], conditionsV6: ["!", "-s", "12::34"] };
    const config = parsePortmapConfig(portmapRequest({ backend: "iptables", snat: false, ...conditions }, version));
    expect(config).toMatchObject({ snat: false, conditions: { 4: ["-s", "1.2.3.4"], 6: ["!", "-s", "12::34"] } });
    expect(config.mappings).toEqual([]);
  });

  it.each([0, -1, 65_536, 99_999])("P3: refuses port %d, the container's first", (port) => {
    const details = "must be 1 to 65535, in runtimeConfig.portMappings[0]";
    expect(() => map({ hostPort: port, containerPort: 80 })).toThrow(
      expect.objectContaining({ code: 7, message: `Invalid host port number: ${port}`, details }),
    );
    expect(() => map({ hostPort: port, containerPort: port })).toThrow(`Invalid container port number: ${port}`);
  });

  it("takes the first port and the last", () => {
    expect(map({ hostPort: 65_535, containerPort: 1 })).toMatchObject({ hostPort: 65_535, containerPort: 1 });
  });

  it("P4: leaves the backend to the host where nothing is written for one", () => {
    expect(parse({}).backend).toBeUndefined();
    expect(parse({ backend: "" }).backend).toBeUndefined();
    expect(parse({ conditionsV4: [], conditionsV6: [""] }).backend).toBeUndefined();
  });

  it("P5: takes the backend that is asked for", () => {
    expect(parse({ backend: "nftables" }).backend).toBe("nftables");
    expect(parse({ backend: "iptables" }).backend).toBe("iptables");
    expect(refusal(() => parse({ backend: "foo" }))).toEqual({ code: 7, message: 'unrecognized backend "foo"' });
  });

  it("P6: takes conditions of nftables with nftables", () => {
    const conditions = { conditionsV4: ["ip", "saddr", "1.2.3.4"], conditionsV6: ["ip6", "saddr", "12::34"] };
    expect(parse({ backend: "nftables", ...conditions }).conditions[6]).toEqual(["ip6", "saddr", "12::34"]);
  });

  it("P7, P8: refuses what is written for the other backend, all of it by name", () => {
    const nftables = { conditionsV4: ["ip", "saddr", "1.2.3.4"], conditionsV6: ["ip6", "saddr", "12::34"] };
    const iptables = { conditionsV4: ["-s", "1.2.3.4"], conditionsV6: ["-s", "12::34"] };
    expect(refusal(() => parse({ backend: "iptables", ...nftables }))).toEqual({
      code: 7,
      message:
        "iptables backend was requested but configuration contains nftables-specific options [conditionsV4 conditionsV6]",
    });
    expect(refusal(() => parse({ backend: "nftables", externalSetMarkChain: "KUBE-MARK-MASQ", ...iptables }))).toEqual({
      code: 7,
      message:
        "nftables backend was requested but configuration contains iptables-specific options [externalSetMarkChain conditionsV4 conditionsV6]",
    });
  });

  it.each([
    [{ externalSetMarkChain: "X" }, "iptables"],
    [{ conditionsV4: ["-s", "1.2.3.4"] }, "iptables"],
    [{ conditionsV6: ["!", "-s", "::1"] }, "iptables"],
    [{ conditionsV4: ["ip", "saddr", "1.2.3.4"] }, "nftables"],
  ])("chooses the backend that %j is written for", (fields, backend) => {
    expect(parse(fields).backend).toBe(backend);
  });

  it("refuses what is written for both", () => {
    expect(refusal(() => parse({ externalSetMarkChain: "X", conditionsV4: ["ip", "saddr", "1.2.3.4"] }))).toEqual({
      code: 7,
      message: "iptables backend was requested but configuration contains nftables-specific options [conditionsV4]",
    });
  });

  it("refuses a mark that cannot be, and two ways to mark", () => {
    expect(parse({}).markBit).toBe(13);
    for (const markMasqBit of [-1, 32])
      expect(refusal(() => parse({ markMasqBit })).message).toBe("MasqMarkBit must be between 0 and 31");
    expect(refusal(() => parse({ markMasqBit: 5, externalSetMarkChain: "X" })).message).toBe(
      "Cannot specify externalSetMarkChain and markMasqBit",
    );
  });

  it.each([
    [undefined, "tcp"],
    ["", "tcp"],
    ["UDP", "udp"],
    ["Sctp", "sctp"],
  ])("takes protocol %j for %s", (protocol, expected) => {
    expect(map({ hostPort: 1, containerPort: 1, protocol })?.protocol).toBe(expected);
  });

  it("refuses other protocols", () => {
    expect(refusal(() => map({ hostPort: 1, containerPort: 1, protocol: "icmp" }))).toEqual({
      code: 7,
      message: 'Cannot use runtimeConfig.portMappings[0].protocol "icmp": must be one of tcp, udp, sctp',
    });
  });

  it.each([
    [undefined, undefined, [4, 6]],
    ["", undefined, [4, 6]],
    ["0.0.0.0", undefined, [4]],
    ["::", undefined, [6]],
    ["10.0.0.1", "10.0.0.1", [4]],
    ["fd00::1", "fd00::1", [6]],
  ])("takes hostIP %j for %s of %j", (hostIP, one, families) => {
    const hostIp = one === undefined ? undefined : parseAddress(one);
    expect(map({ hostPort: 1, containerPort: 1, hostIP })).toMatchObject({ hostIp, families });
  });

  it("refuses a hostIP that is no address", () => {
    expect(refusal(() => map({ hostPort: 1, containerPort: 1, hostIP: "10.0.0.300" }))).toEqual({
      code: 7,
      message: 'Cannot use runtimeConfig.portMappings[0].hostIP "10.0.0.300": must be an IP address',
    });
  });

  it("reads mappings in containerd's case, null being none", () => {
    const mapping = { HostPort: 1, ContainerPort: 2, Protocol: "TCP", HostIP: "" };
    expect(map(mapping)).toMatchObject({ hostPort: 1, containerPort: 2, protocol: "tcp" });
    expect(parse({ runtimeConfig: { portMappings: null } }).mappings).toEqual([]);
    expect(parse({ runtimeConfig: null }).mappings).toEqual([]);
  });
});
