import { findMember, isObject } from "../../cni/json.ts";
import { type Address, type Family, formatAddress, parseAddress } from "../../ip/address.ts";
import {
  defaultGateway,
  isSamePrefix,
  lastAddress,
  networkAddress,
  network as networkOf,
  type Prefix,
  parsePrefix,
} from "../../ip/prefix.ts";
import { ipamTypeOf, type Network, type PluginConfig } from "../../runtime/network.ts";

/** What a network asks of the host, as far as its list tells. Values that a plugin would refuse count as absent. */
export interface Needs {
  readonly name: string;
  /** The types of its plugins, IPAM plugins included. */
  readonly types: readonly string[];
  readonly bridges: readonly BridgeNeeds[];
  /** Its `ptp` plugins: the host forwards for their containers, each of which has a veth of its own. */
  readonly ptps: readonly { readonly masquerades: boolean }[];
  /** The subnets that host-local assigns addresses from. */
  readonly subnets: readonly Prefix[];
  /** Its ranges of addresses in them. */
  readonly ranges: readonly AddressRange[];
  readonly families: readonly Family[];
  readonly hasFirewall: boolean;
  /** Whether a plugin of the list asks for iptables. */
  readonly wantsIptables: boolean;
  readonly hasPorts: boolean;
  readonly limits: readonly ("ingress" | "egress")[];
  /** The zone of firewalld that gets the containers' addresses, if the list has `firewall`. */
  readonly zone: string;
}

/** Addresses of a subnet from which host-local assigns some. */
export interface AddressRange {
  readonly subnet: Prefix;
  readonly first: Address;
  readonly last: Address;
}

/** What a `bridge` plugin of a list asks. */
export interface BridgeNeeds {
  readonly bridge: string;
  /** 0 without VLAN. */
  readonly vlan: number;
  /** The gateways' addresses that ADD puts on the bridge, or on the link in its VLAN, if it does not replace others there. */
  readonly gateways: readonly Prefix[];
  /** The gateways of the containers' default routes, if ADD gives their addresses to nobody. */
  readonly foreignGateways: readonly Address[];
  /** Whether the host forwards for the containers. */
  readonly isRouted: boolean;
  readonly masquerades: boolean;
  readonly checksSpoofs: boolean;
  readonly usesVlans: boolean;
}

/** Whether the host forwards for containers of a network. */
export function isRouted({ bridges, ptps }: Needs): boolean {
  return ptps.length > 0 || bridges.some((bridge) => bridge.isRouted);
}

/**
 * The links that forwarded packets of a network's containers pass: its bridges, or the links in their VLANs; "veth*" for `ptp`, whose
 * names nobody knows before.
 */
export function routedLinks({ bridges, ptps }: Needs): readonly string[] {
  const names = bridges.filter((each) => each.isRouted).map(gatewayLink);
  return ptps.length === 0 ? names : [...names, "veth*"];
}

/** The bridges of a network, and the links in their VLANs. */
export function ownLinks({ bridges }: Needs): readonly string[] {
  return bridges.flatMap((each) => [each.bridge, gatewayLink(each)]);
}

/** The link that has the gateways' addresses. */
function gatewayLink({ bridge, vlan }: BridgeNeeds): string {
  return vlan === 0 ? bridge : `${bridge}.${vlan}`;
}

/** Reads what a network needs. */
export function needsOf({ name, plugins }: Network): Needs {
  const ofType = (type: string) => plugins.filter((plugin) => plugin.type === type);
  const ranges = plugins.flatMap(rangesOf);
  const subnets = ranges.map(({ subnet }) => subnet);
  const [bandwidth] = ofType("bandwidth");
  const [firewall] = ofType("firewall");
  return {
    name,
    types: [...new Set(plugins.flatMap(typesOf))],
    bridges: ofType("bridge").map(bridgeOf),
    ptps: ofType("ptp").map(({ json }) => ({ masquerades: findMember(json, "ipMasq") === true })),
    subnets: subnets.filter((one, index) => subnets.findIndex((each) => isSamePrefix(each, one)) === index),
    ranges: ranges.map(({ subnet, first, last }) => ({ subnet, first, last })),
    families: ([4, 6] as const).filter((family) => subnets.some(({ address }) => address.family === family)),
    hasFirewall: firewall !== undefined,
    wantsIptables: plugins.some(({ json }) => ["backend", "ipMasqBackend"].some((key) => json[key] === "iptables")),
    hasPorts: ofType("portmap").length > 0,
    limits: (["ingress", "egress"] as const).filter((way) => isSet(bandwidth, `${way}Rate`)),
    zone: textOf(firewall, "firewalldZone") ?? "trusted",
  };
}

function typesOf(plugin: PluginConfig): readonly string[] {
  return [plugin.type, ipamTypeOf(plugin)].filter((type) => type !== undefined);
}

function bridgeOf(plugin: PluginConfig): BridgeNeeds {
  const isOn = (key: string) => findMember(plugin.json, key) === true;
  const spoofchk = textOf(plugin, "spoofchk") ?? "";
  const isGateway = isOn("isGateway") || isOn("isDefaultGateway");
  const vlan = findMember(plugin.json, "vlan");
  return {
    bridge: textOf(plugin, "bridge") ?? "cni0",
    vlan: typeof vlan === "number" ? vlan : 0,
    gateways: isGateway && !isOn("forceAddress") ? rangesOf(plugin).flatMap(({ gateway }) => gateway ?? []) : [],
    foreignGateways: isGateway ? [] : defaultGatewaysOf(plugin),
    isRouted: isGateway || isOn("ipMasq"),
    masquerades: isOn("ipMasq"),
    checksSpoofs: isOn("macspoofchk") || (spoofchk !== "" && spoofchk !== "off"),
    usesVlans: isSet(plugin, "vlan") || Array.isArray(findMember(plugin.json, "vlanTrunk")),
  };
}

/** A range of host-local, and the gateway with the subnet's length. */
interface Range extends AddressRange {
  readonly gateway: Prefix | undefined;
}

function rangesOf({ json }: PluginConfig): readonly Range[] {
  const ipam = findMember(json, "ipam");
  if (!isObject(ipam) || ipamTypeOf({ json }) !== "host-local") return [];
  const sets = findMember(ipam, "ranges");
  const ranges = Array.isArray(sets) ? sets.flat() : [];
  return [ipam, ...ranges].flatMap((range) => {
    const text = (key: string) => {
      const value = isObject(range) ? findMember(range, key) : undefined;
      return typeof value === "string" ? value : "";
    };
    const prefix = parsePrefix(text("subnet"));
    if (prefix === undefined) return [];
    const address = text("gateway") === "" ? defaultGateway(prefix) : parseAddress(text("gateway"));
    const subnet = networkOf(prefix);
    const first = parseAddress(text("rangeStart")) ?? networkAddress(subnet);
    const last = parseAddress(text("rangeEnd")) ?? lastAddress(subnet);
    return [{ subnet, first, last, gateway: address && { address, length: prefix.length } }];
  });
}

/** The gateways that the default routes of host-local lead to: a route's own, or those of the ranges. */
function defaultGatewaysOf(plugin: PluginConfig): readonly Address[] {
  const ipam = findMember(plugin.json, "ipam");
  const routes = isObject(ipam) && ipamTypeOf(plugin) === "host-local" ? findMember(ipam, "routes") : [];
  const found = (Array.isArray(routes) ? routes.filter(isObject) : []).flatMap((route) => {
    const text = (key: string) => String(findMember(route, key) ?? "");
    const destination = parsePrefix(text("dst"));
    if (destination?.length !== 0) return [];
    const { family } = destination.address;
    const given = parseAddress(text("gw"));
    const ranges = rangesOf(plugin).flatMap(({ gateway }) => gateway?.address ?? []);
    return given === undefined ? ranges.filter((each) => each.family === family) : [given];
  });
  return [...new Map(found.map((each) => [formatAddress(each), each])).values()];
}

function textOf(plugin: PluginConfig | undefined, key: string): string | undefined {
  const value = plugin && findMember(plugin.json, key);
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** Whether a number is given that is not 0. */
function isSet(plugin: PluginConfig | undefined, key: string): boolean {
  const value = plugin && findMember(plugin.json, key);
  return typeof value === "number" && value !== 0;
}
