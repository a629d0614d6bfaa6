import type * as z from "zod/v4/core";
import type { Claims } from "../../cni/configuration.ts";
import { findMember, isObject } from "../../cni/json.ts";
import { isBuiltIn } from "../../cni/keys.ts";
import { readPrefix } from "../../cni/scalars.ts";
import { walkSchema } from "../../cni/schema-walk.ts";
import { formatAddress } from "../../ip/address.ts";
import { excludesGateway, formatPrefix, network, parsePrefix } from "../../ip/prefix.ts";
import type { Report } from "./finding.ts";
import type { Subject } from "./plugin.ts";
import type { PlacedPlugin } from "./source.ts";

/** The lowest MTU for IPv6 on a link. RFC 8200, 5 */
const IPV6_MIN_MTU = 1280;

/** The kernel's MTU of a new bridge and veth pair. <linux/if_ether.h> */
const ETH_DATA_LEN = 1500;

/** The link of the host's default route. */
export interface Uplink {
  readonly name: string;
  readonly mtu: number;
}

/** Reports gateways that no container can reach, masquerade without a gateway, and an MTU that does not fit the addresses or the uplink. */
export function examineClaims(placed: PlacedPlugin, claims: Claims, uplink: Uplink | undefined, report: Report): void {
  for (const { path, subnet, gateway } of claims.ranges ?? []) {
    if (gateway === undefined || !excludesGateway(subnet, gateway)) continue;
    const message = `${formatAddress(gateway)} is outside the subnet ${formatPrefix(subnet)}: containers cannot reach it`;
    report(placed.document, "error", { path: [...placed.path, ...path, "gateway"], message });
  }
  examineMasquerade(placed, claims, report);
  examineMtu(placed, claims, uplink, report);
}

/** The host masquerades what it forwards, and containers send it that only if it has the gateway's address. */
function examineMasquerade({ document, path, config }: PlacedPlugin, { bridge, ranges = [] }: Claims, report: Report) {
  if (bridge === undefined || bridge.isGateway || findMember(config.json, "ipMasq") !== true) return;
  const [gateway] = ranges.flatMap((range) => range.gateway ?? []);
  if (gateway === undefined) return;
  const message = `has no effect unless something else gives the bridge the gateway's address ${formatAddress(gateway)}`;
  report(document, "warning", { path: [...path, "ipMasq"], message, hint: "set isGateway to true" });
}

function examineMtu(
  { document, path, config }: PlacedPlugin,
  { bridge, ranges = [] }: Claims,
  uplink: Uplink | undefined,
  report: Report,
): void {
  if (bridge?.mtu === undefined) return;
  const { mtu } = bridge;
  const at = { path: [...path, ...(isObject(config.json) && mtu !== 0 ? ["mtu"] : [])] };
  if (mtu !== 0 && mtu < IPV6_MIN_MTU && ranges.some(({ subnet }) => subnet.address.family === 6)) {
    report(document, "error", { ...at, message: `${mtu} is too small for IPv6, which needs at least ${IPV6_MIN_MTU}` });
  }
  const own = mtu === 0 ? ETH_DATA_LEN : mtu;
  // Only packets that the bridge routes leave by the uplink.
  if (!bridge.isGateway || uplink === undefined || own <= uplink.mtu) return;
  const what = mtu === 0 ? `the kernel's MTU, ${own},` : own;
  const message = `${what} is above the MTU of ${uplink.name}, ${uplink.mtu}: large packets may be lost on their way out`;
  report(document, "warning", { ...at, message, hint: `set mtu to "auto" or to at most ${uplink.mtu}` });
}

/** Reports prefixes with host bits, of which the rest of the network counts. An ADD refuses those of subnets by itself. */
export function examineHostBits({ placed, own, ipam }: Subject, report: Report): void {
  const { document, path, config } = placed;
  for (const configuration of [own, ipam]) {
    if (configuration === undefined) continue;
    walkSchema(configuration.schema(), config.json, (def, value, at) => {
      const prefix =
        def.type === "pipe" && readsPrefix(def) && typeof value === "string" ? parsePrefix(value) : undefined;
      const base = prefix && network(prefix);
      if (prefix === undefined || base === undefined || base.address.value === prefix.address.value) return;
      const message = `${value} has host bits set`;
      report(document, "warning", {
        path: [...path, ...at.path],
        message,
        hint: `the network is ${formatPrefix(base)}`,
      });
    });
  }
}

/** Whether a text is read as a prefix that keeps its host bits: see scalar(). */
function readsPrefix({ out }: z.$ZodPipeDef): boolean {
  const def = isBuiltIn(out) ? out._zod.def : undefined;
  return def?.type === "transform" && "read" in def.transform && def.transform.read === readPrefix;
}
