import type { Claims } from "../../cni/configuration.ts";
import { ERROR_CODES } from "../../cni/error.ts";
import { findMember } from "../../cni/json.ts";
import { formatPrefix, type Prefix, prefixesOverlap } from "../../ip/prefix.ts";
import type { Report } from "./finding.ts";
import { findGatewayConflict } from "./gateway-conflict.ts";
import type { PlacedPlugin, Source } from "./source.ts";

/** A network with what each of its plugins claims. */
export interface Examined {
  readonly source: Source;
  readonly claims: readonly { readonly placed: PlacedPlugin; readonly claims: Claims }[];
}

/** Reports what the networks of one folder take from each other: a name, a bridge, addresses. */
export function examineTogether(networks: readonly Examined[], report: Report): void {
  for (const [index, later] of networks.entries()) {
    for (const earlier of networks.slice(0, index)) {
      examineNames(earlier, later, report);
      examineBridges(earlier, later, report);
      examineSubnets(earlier, later, report);
    }
  }
}

/**
 * Reports which of several files a kubelet's runtime takes. containerd takes the first by name and stops if it cannot read it. CRI-O
 * takes the first that it can read.
 */
export function examineChoice(files: readonly string[], readable: readonly Source[], report: Report): void {
  const [taken] = readable;
  const [first = "", ...others] = files;
  if (taken === undefined || others.length === 0) return;
  const ignored = files.filter((file) => file !== taken.document.file).map(baseOf);
  const message =
    first === taken.document.file
      ? `a kubelet's runtime takes this file, the first by name, and ignores ${ignored.join(", ")}`
      : `CRI-O takes this file and ignores ${ignored.join(", ")}; containerd takes none, because it cannot read ${baseOf(first)}`;
  report(taken.document, "warning", { path: [], message });
}

function examineNames({ source: earlier }: Examined, { source: later }: Examined, report: Report): void {
  if (earlier.network.name !== later.network.name) return;
  const message = `${earlier.document.file} has a network of this name too: a search by name finds only that`;
  report(later.document, "warning", { path: ["name"], message });
}

function examineBridges(earlier: Examined, later: Examined, report: Report): void {
  for (const own of later.claims) {
    const { bridge } = own.claims;
    const sharing = earlier.claims.filter(
      ({ claims: other }) =>
        bridge !== undefined && other.bridge?.name === bridge.name && other.bridge.vlan === bridge.vlan,
    );
    if (bridge === undefined || sharing.length === 0) continue;
    const { document } = own.placed;
    const path = [...own.placed.path, "bridge"];
    const whose = `network "${earlier.source.network.name}" of ${earlier.source.document.file}`;
    const conflict = sharing.map((other) => findGatewayConflict(gatewaysOf(other), gatewaysOf(own))).find(Boolean);
    if (conflict !== undefined) {
      const [first, second] = conflict.map(formatPrefix);
      const message = `${whose} gives bridge ${bridge.name} the gateway ${first}, which it cannot have beside ${second}: only containers of the network that comes first start`;
      const hint = 'set "bridge" to another name';
      report(document, "error", { path, message, hint, code: ERROR_CODES.bridgeConflict });
      continue;
    }
    const message = `${whose} uses bridge ${bridge.name} too`;
    report(document, "warning", { path, message, hint: "give each its own, or a VLAN" });
  }
}

/** The gateways that the bridge gets, and that do not replace others. */
function gatewaysOf({ placed, claims: { bridge, ranges = [] } }: Examined["claims"][number]): readonly Prefix[] {
  if (bridge?.isGateway !== true || findMember(placed.config.json, "forceAddress") === true) return [];
  return ranges.flatMap(({ subnet, gateway }) => (gateway ? [{ address: gateway, length: subnet.length }] : []));
}

function examineSubnets(earlier: Examined, later: Examined, report: Report): void {
  const taken = earlier.claims.flatMap(({ claims }) => claims.ranges ?? []);
  for (const { placed, claims } of later.claims) {
    for (const { path, subnet } of claims.ranges ?? []) {
      const other = taken.find((range) => prefixesOverlap(range.subnet, subnet));
      if (other === undefined) continue;
      const whose = `network "${earlier.source.network.name}" of ${earlier.source.document.file}`;
      const message = `${formatPrefix(subnet)} overlaps ${formatPrefix(other.subnet)} of ${whose}: both may assign one address`;
      report(placed.document, "warning", { path: [...placed.path, ...path, "subnet"], message });
    }
  }
}

function baseOf(file: string): string {
  return file.slice(file.lastIndexOf("/") + 1);
}
