import { describe, expect, it } from "vitest";
import { parseFirewallConfig, readZone } from "../../../plugins/firewall/config.ts";
import { familiesOf, readSubject, uniqueAddresses } from "../../../plugins/firewall/subject.ts";
import { CniError } from "../../../src/cni/error.ts";
import { createRequest, type Request, readNetwork } from "../../../src/cni/request.ts";
import { formatAddress } from "../../../src/ip/address.ts";

/** A request of ADD for network "net1" with these fields in its configuration. */
function requestOf(fields: object): Request {
  const stdin = new TextEncoder().encode(JSON.stringify({ cniVersion: "1.1.0", name: "net1", ...fields }));
  return createRequest("ADD", { network: readNetwork(stdin), version: "1.1.0", stdin, environment: {}, log: () => {} });
}

function refusalOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof CniError) return `${error.code} ${error.message}`;
    throw error;
  }
  throw new Error("Nothing was refused");
}

function subjectOf(fields: object) {
  const request = requestOf(fields);
  return readSubject(request, parseFirewallConfig(request)).subject;
}

describe("parseFirewallConfig", () => {
  it("has a default for every field, also where it is empty, as podman writes it", () => {
    const expected = { backend: undefined, ingressPolicy: "open", adminChain: "CNI-ADMIN", zone: "trusted" };
    const empty = { backend: "", ingressPolicy: "", iptablesAdminChainName: "", firewalldZone: "" };
    for (const fields of [{}, empty]) expect(parseFirewallConfig(requestOf(fields))).toEqual(expected);
  });

  it("reads keys in any case", () => {
    const fields = { Backend: "iptables", ingresspolicy: "isolated", IPTABLESADMINCHAINNAME: "A", firewalldzone: "z" };
    const expected = { backend: "iptables", ingressPolicy: "isolated", adminChain: "A", zone: "z" };
    expect(parseFirewallConfig(requestOf(fields))).toEqual(expected);
  });

  it.each([
    ["backend", "ebtables", "must be one of nftables, iptables, firewalld"],
    ["ingressPolicy", "OPEN", "must be one of open, same-bridge, isolated"],
    ["iptablesAdminChainName", "-A", "must be 1 to 28 letters"],
    ["iptablesAdminChainName", "a b", "must be 1 to 28 letters"],
    ["iptablesAdminChainName", "COMMIT\nCOMMIT", "must be 1 to 28 letters"],
    ["iptablesAdminChainName", "a".repeat(29), "must be 1 to 28 letters"],
    ["iptablesAdminChainName", "FORWARD", "must be a chain of the operator's own"],
    ["iptablesAdminChainName", "ACCEPT", "must be no target's name"],
    ["firewalldZone", "a\0b", "must be the name of a zone"],
  ])("refuses %s %j", (key, value, requirement) => {
    const refusal = refusalOf(() => parseFirewallConfig(requestOf({ [key]: value })));
    expect(refusal).toContain(`7 Cannot use ${key} ${JSON.stringify(value)}: ${requirement}`);
  });

  it("takes a chain's name of 28 letters", () => {
    const name = "a".repeat(28);
    expect(parseFirewallConfig(requestOf({ iptablesAdminChainName: name })).adminChain).toBe(name);
  });

  it.each([7, true, ["nftables"], {}])("refuses backend %j for its type", (backend) => {
    expect(refusalOf(() => parseFirewallConfig(requestOf({ backend })))).toMatch(/^7 .*backend/);
  });
});

describe("readZone", () => {
  it.each([
    [{ firewalldZone: "home" }, "home"],
    [{ FirewalldZone: "home", ingressPolicy: 7 }, "home"],
    [{ firewalldZone: 7 }, "trusted"],
    [{ firewalldZone: "" }, "trusted"],
    [{}, "trusted"],
  ])("of %j is %s", (fields, zone) => expect(readZone(requestOf(fields))).toBe(zone));
});

describe("readSubject", () => {
  const ips = [{ address: "10.1.0.2/16" }, { address: "fd00::2/64" }, { address: "10.1.0.2/24" }];

  it("takes each address once", () => {
    const { addresses, isolation } = subjectOf({ prevResult: { cniVersion: "1.1.0", ips } });
    expect(addresses.map(formatAddress)).toEqual(["10.1.0.2", "fd00::2"]);
    expect(isolation).toBeUndefined();
  });

  it("takes interface 0 for the bridge", () => {
    const interfaces = [{ name: "cni0" }, { name: "veth1" }, { name: "eth0", sandbox: "/run/netns/x" }];
    const fields = { ingressPolicy: "same-bridge", prevResult: { cniVersion: "1.1.0", interfaces, ips } };
    expect(subjectOf(fields).isolation).toEqual({ policy: "same-bridge", link: "cni0" });
  });

  it("takes the gateway in a VLAN of the bridge, where there is one", () => {
    const interfaces = [
      { name: "cni0" },
      { name: "veth1" },
      { name: "cni0.7", sandbox: "/run/netns/x" },
      { name: "cni0.100" },
    ];
    const fields = { ingressPolicy: "isolated", prevResult: { cniVersion: "1.1.0", interfaces, ips } };
    expect(subjectOf(fields).isolation).toEqual({ policy: "isolated", link: "cni0.100" });
  });

  it.each([
    ["no interfaces", undefined, "prevResult has no interfaces: chain firewall behind bridge"],
    ["an empty name", [{ name: "" }], "interface 0 of prevResult, the bridge: interface name is empty"],
    ["a long name", [{ name: "a".repeat(16) }], "interface 0 of prevResult, the bridge: interface name is too long"],
    [
      "an interface in the container",
      [{ name: "eth0", sandbox: "/run/netns/x" }],
      'interface 0 of prevResult, "eth0", is in the container: chain firewall behind bridge or ptp',
    ],
    ["a name that means many", [{ name: "br+" }], 'interface 0 of prevResult, the bridge, is named "br+"'],
    ["a name that ends a quotation", [{ name: 'a"b' }], 'interface 0 of prevResult, the bridge, is named "a\\"b"'],
  ])("refuses a policy with %s", (_, interfaces, reason) => {
    const fields = { ingressPolicy: "isolated", prevResult: { cniVersion: "1.1.0", interfaces, ips } };
    expect(refusalOf(() => subjectOf(fields))).toBe(`7 Cannot use ingressPolicy "isolated": ${reason}`);
  });

  it("has the families of its addresses, each once; no result has no addresses", () => {
    expect(familiesOf(subjectOf({ prevResult: { cniVersion: "1.1.0", ips } }))).toEqual([4, 6]);
    expect(uniqueAddresses(undefined)).toEqual([]);
  });

  it("refuses to go without prevResult", () => {
    expect(refusalOf(() => subjectOf({}))).toBe("7 missing prevResult from earlier plugin");
  });
});
