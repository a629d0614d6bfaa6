import path from "#path";
import { formatPrefix, type Prefix } from "../../ip/prefix.ts";
import { findGatewayConflict } from "../validate/gateway-conflict.ts";
import type { Check, Examination } from "./examination.ts";
import type { Found } from "./finding.ts";
import { type BridgeNeeds, type Needs, needsOf } from "./needs.ts";

/** Networks that give one bridge different gateways. */
export const gatewayClashCheck: Check = { name: "clash", run: (examination) => findClashes(examination).map(describe) };

/** Two networks of which only the one whose container comes first can use their bridge. */
interface GatewayClash {
  readonly earlier: Needs;
  readonly later: Needs;
  readonly bridge: string;
  readonly gateways: readonly [Prefix, Prefix];
  readonly cure: string;
}

/** What STATUS of `bridge` says when the bridge has addresses in the gateway's way, and that ports use them. */
const REFUSAL =
  /"([^"]+)" already has an IP address different from \S+ \(found ([^ ;,]+(?:, [^ ;,]+)*)( and \d+ port)?/;

/** What helps a network whose STATUS says that the bridge has another address; "" if it says something else. */
export function cureForStatus(examination: Examination, network: string, message: string): string {
  const [, link, addresses = "", ports] = REFUSAL.exec(message) ?? [];
  if (link === undefined) return "";
  const clash = findClashes(examination).find(({ earlier, later }) => [earlier.name, later.name].includes(network));
  if (clash !== undefined) return clash.cure;
  if (ports !== undefined) return renaming(examination, network);
  const deletions = addresses.split(", ").map((address) => `ip address delete ${address} dev ${link}`);
  return `if nothing else needs that: ${deletions.join("; ")}`;
}

function renaming(examination: Examination, network: string): string {
  return `set "bridge" to another name in ${fileOf(examination, network)}`;
}

function describe({ earlier, later, bridge, gateways: [one, other], cure }: GatewayClash): Found {
  const message = `network ${earlier.name} gives bridge ${bridge} the gateway ${formatPrefix(one)}, and network ${later.name} gives it ${formatPrefix(other)}: only containers of the network that comes first start (code 106)`;
  return { level: "error", subject: later.name, message, cure };
}

function findClashes(examination: Examination): readonly GatewayClash[] {
  const all = examination.networks.map(needsOf);
  return all.flatMap((later, index) =>
    all.slice(0, index).flatMap((earlier) =>
      later.bridges.flatMap((own) =>
        earlier.bridges.flatMap((other): readonly GatewayClash[] => {
          const gateways = isShared(own, other) ? findGatewayConflict(other.gateways, own.gateways) : undefined;
          if (gateways === undefined) return [];
          const cure = renaming(examination, later.name);
          return [{ earlier, later, bridge: own.bridge, gateways, cure }];
        }),
      ),
    ),
  );
}

function isShared(one: BridgeNeeds, other: BridgeNeeds): boolean {
  return one.bridge === other.bridge && one.vlan === other.vlan;
}

/** The base name of a network's file. */
export function fileOf({ networks }: Examination, name: string): string {
  const file = networks.find((each) => each.name === name)?.file;
  return file === undefined ? "its list" : path.basename(file);
}
