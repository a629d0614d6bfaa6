import type { JsonObject } from "../fuzz/networks.ts";
import { readList } from "../fuzz/networks.ts";
import { PLACES } from "../fuzz/scenario.ts";
import { kernelHasKind } from "../link-kind.ts";
import { IN_VM, LISTS_IN_VM } from "../vm/kinds.ts";

/** A network's plugins as a runtime calls them, one after the other. */
export interface Chain {
  readonly name: string;
  readonly plugins: readonly JsonObject[];
  /** Where plugins are found. */
  readonly path: string;
  /** Whether a DHCP server serves its network. */
  readonly isServed?: boolean;
  /** Whether the container is on another network already. */
  readonly isSecond?: boolean;
}

/** Where host-local is a file of its own, so that it is another process. */
export const APART = "/run/fuzz/apart";

/** What a runtime adds for each capability; each container has ports and a MAC of its own. */
export function runtimeConfigOf(container: number): JsonObject {
  const port = 18_080 + 2 * container;
  return {
    portMappings: [
      { hostPort: port, containerPort: 80, protocol: "tcp" },
      { hostPort: port + 1, containerPort: 81, protocol: "udp" },
    ],
    bandwidth: { ingressRate: 8_000_000, ingressBurst: 800_000, egressRate: 8_000_000, egressBurst: 800_000 },
    mac: `0a:58:0a:01:${(container >> 8).toString(16).padStart(2, "0")}:${(container & 0xff).toString(16).padStart(2, "0")}`,
  };
}

/** What iptables keeps where it is asked to. */
const BY_IPTABLES: Readonly<Record<string, JsonObject>> = {
  bridge: { ipMasqBackend: "iptables" },
  ptp: { ipMasqBackend: "iptables" },
  portmap: { backend: "iptables" },
  firewall: { backend: "iptables" },
};

/** The lists that are put to the test: podman's and containerd's, and what these leave out. */
export function chains(): readonly Chain[] {
  const podman = shipped("podman/87-podman-bridge.conflist", "podman");
  const tuned = podman.plugins.map((plugin) =>
    plugin["type"] === "tuning" ? { ...plugin, sysctl: { "net.core.somaxconn": "500" }, mtu: 1400 } : plugin,
  );
  const byIptables = podman.plugins.slice(0, 3).map(withIptables);
  const [bridge = {}] = podman.plugins;
  const ptp = shipped("60-ptp.conflist", "ptp");
  const sbr = shipped("70-sbr.conflist", "sbr");
  const dhcp = served(shipped("60-lan.conflist", "dhcp"));
  const checked = { ...bridge, spoofchk: "strict", removeEmptyBridge: true };
  return [
    { ...podman, plugins: tuned },
    shipped("containerd/10-containerd-net.conflist", "containerd"),
    shipped("60-static.conflist", "static"),
    withOneAddress(shipped("70-macvlan.conflist", "macvlan")),
    { ...podman, name: "iptables", plugins: byIptables },
    { ...podman, name: "apart", plugins: [bridge], path: `${APART}:${PLACES.bin}` },
    { ...podman, name: "checked", plugins: [checked] },
    ptp,
    sbr,
    { ...sbr, name: "sbr-second", isSecond: true },
    dhcp,
    { ...dhcp, name: "dhcp-both", plugins: dhcp.plugins.map(withBothFamilies) },
    { ...ptp, name: "ptp-iptables", plugins: ptp.plugins.map(withIptables) },
    shipped("80-host-device.conflist", "host-device"),
    shipped("85-tap.conflist", "tap"),
    ...IN_VM.filter(kernelHasKind).map((kind) => shipped(listInVm(kind), kind)),
    { ...podman, name: "loopback", plugins: [{ cniVersion: "1.1.0", name: "lo", type: "loopback" }] },
  ];
}

function withIptables(plugin: JsonObject): JsonObject {
  return { ...plugin, ...BY_IPTABLES[String(plugin["type"])] };
}

/** ADD gives up within seconds: a question that is lost is repeated once. */
function served(chain: Chain): Chain {
  const plugins = chain.plugins.map((plugin) => ({ ...plugin, ipam: { type: "dhcp", timeout: 5 } }));
  return { ...chain, plugins, isServed: true };
}

/** On a macvlan, with a MAC by which the server gives the same address each time: GC leaves a macvlan to its container. */
function withBothFamilies({ bridge = null, ...plugin }: JsonObject): JsonObject {
  const ipam = { ...Object(plugin["ipam"]), families: [4, 6] };
  return { ...plugin, type: "macvlan", master: bridge, runtimeConfig: runtimeConfigOf(0), ipam };
}

/** GC leaves a macvlan to its container: with more addresses, it would be another one each time. */
function withOneAddress(chain: Chain): Chain {
  const ranges = [[{ subnet: "10.92.0.0/24", rangeStart: "10.92.0.200", rangeEnd: "10.92.0.200" }]];
  return { ...chain, plugins: chain.plugins.map((plugin) => ({ ...plugin, ipam: { type: "host-local", ranges } })) };
}

/** The list of a kind of link that not every kernel has. */
function listInVm(kind: string): string {
  const found = Object.keys(LISTS_IN_VM).find((file) => file.endsWith(`-${kind}.conflist`));
  if (found === undefined) throw new Error(`Cannot find a list of ${kind}`);
  return found;
}

/** The chain of that name. */
export function chainOf(name: string): Chain {
  const found = chains().find((chain) => chain.name === name);
  if (found === undefined) throw new Error(`Cannot find chain "${name}"`);
  return found;
}

/** A list of ours, as of the version that has GC and STATUS. */
function shipped(file: string, name: string): Chain {
  const list = readList(file);
  const plugins = list.plugins.map(({ capabilities, ...plugin }) => {
    const known = runtimeConfigOf(0);
    const wanted = Object.keys(Object(capabilities)).filter((capability) => capability in known);
    const runtimeConfig = Object.fromEntries(wanted.map((capability) => [capability, known[capability] ?? null]));
    return { ...plugin, cniVersion: "1.1.0", name: list["name"] ?? name, ...(wanted.length > 0 && { runtimeConfig }) };
  });
  return { name, plugins, path: PLACES.bin };
}
