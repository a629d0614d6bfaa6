import { expect, test } from "vitest";
import { needsOf } from "../../../src/cnictl/doctor/needs.ts";
import { formatPrefix } from "../../../src/ip/prefix.ts";
import { prefix } from "../../netlink/text.ts";
import { networkOf, ROUTED } from "./examinee.ts";

test("needsOf() reads what a list asks of the host", () => {
  const {
    subnets,
    ranges: _,
    bridges,
    ...needs
  } = needsOf(
    networkOf({
      plugins: [
        ROUTED,
        { type: "firewall", firewalldZone: "cni" },
        { type: "portmap", backend: "iptables" },
        { type: "bandwidth", egressRate: 8000, ingressRate: 0 },
      ],
    }),
  );
  expect(subnets.map(formatPrefix)).toEqual(["10.88.0.0/16", "fd00:88::/64"]);
  const routed = { isRouted: true, masquerades: true, checksSpoofs: false, usesVlans: false, foreignGateways: [] };
  const gateways = [prefix("10.88.0.1/16"), prefix("fd00:88::1/64")];
  expect(bridges).toEqual([{ bridge: "cni0", vlan: 0, gateways, ...routed }]);
  expect(needs).toEqual({
    name: "x",
    types: ["bridge", "host-local", "firewall", "portmap", "bandwidth"],
    ptps: [],
    families: [4, 6],
    hasFirewall: true,
    hasPorts: true,
    wantsIptables: true,
    limits: ["egress"],
    zone: "cni",
  });
});

test.each([
  [{ vlan: 5 }, { usesVlans: true, vlan: 5 }],
  [{ vlan: 0 }, { usesVlans: false }],
  [{ vlanTrunk: [] }, { usesVlans: true }],
  [{ macspoofchk: true }, { checksSpoofs: true }],
  [{ spoofchk: "strict" }, { checksSpoofs: true }],
  [{ isDefaultGateway: true }, { isRouted: true }],
  [{ isGateway: "yes" }, { isRouted: false }],
  [{ bridge: "" }, { bridge: "cni0" }],
])("needsOf() reads of a bridge with %j: %j", (fields, expected) => {
  expect(needsOf(networkOf({ plugins: [{ type: "bridge", ...fields }] })).bridges[0]).toMatchObject(expected);
});

test.each([
  [{ isGateway: true }, {}, ["10.1.0.1/16"]],
  [{ isDefaultGateway: true }, { gateway: "10.1.0.9" }, ["10.1.0.9/16"]],
  [{ isGateway: true, forceAddress: true }, {}, []],
  [{ ipMasq: true }, {}, []],
])("needsOf() reads of a bridge with %j and the range %j the gateways %j", (fields, range, expected) => {
  const ipam = { type: "host-local", subnet: "10.1.0.0/16", ...range };
  const [bridge] = needsOf(networkOf({ plugins: [{ type: "bridge", ...fields, ipam }] })).bridges;
  expect(bridge?.gateways.map(formatPrefix)).toEqual(expected);
});

test.each([true, false])("needsOf() reads of ptp whether it masquerades: %j", (ipMasq) => {
  const { ptps, bridges } = needsOf(networkOf({ plugins: [{ type: "ptp", ipMasq }] }));
  expect({ ptps, bridges }).toEqual({ ptps: [{ masquerades: ipMasq }], bridges: [] });
});

test("needsOf() takes a subnet once, without host bits, and leaves out what is none", () => {
  const ipam = {
    type: "host-local",
    subnet: "10.1.2.3/16",
    ranges: [[{ subnet: "10.1.0.0/16" }, { subnet: "nonsense" }, 7], "nonsense", null],
  };
  const needs = needsOf(
    networkOf({
      plugins: [
        { type: "bridge", ipam },
        { type: "macvlan", ipam: { type: "dhcp" } },
      ],
    }),
  );
  expect(needs.subnets.map(formatPrefix)).toEqual(["10.1.0.0/16"]);
  expect([needs.families, needs.types]).toEqual([[4], ["bridge", "host-local", "macvlan", "dhcp"]]);
});
