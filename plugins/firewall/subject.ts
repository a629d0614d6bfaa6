import { validateIfname } from "../../src/cni/environment.ts";
import { CniError } from "../../src/cni/error.ts";
import { type Request, requirePrevResult } from "../../src/cni/request.ts";
import type { Result } from "../../src/cni/result.ts";
import { type Address, type Family, formatAddress } from "../../src/ip/address.ts";
import type { Attachment } from "../../src/netfilter/owner.ts";
import type { FirewallConfig, IngressPolicy } from "./config.ts";

/** An attachment as firewalls see it. */
export interface Subject {
  readonly owner: Attachment;
  /** Without duplicates. */
  readonly addresses: readonly Address[];
  /** Undefined if anybody may open connections to it. */
  readonly isolation: Isolation | undefined;
}

/** Restricts who may open connections to the attachment. */
export interface Isolation {
  readonly policy: Exclude<IngressPolicy, "open">;
  /** Name of the interface through which its packets arrive and leave. */
  readonly link: string;
}

/** Reads the attachment from prevResult. @throws CniError invalidConfig if prevResult lacks what the configuration needs */
export function readSubject(request: Request, { ingressPolicy }: FirewallConfig): { subject: Subject; result: Result } {
  const result = requirePrevResult(request, "missing prevResult from earlier plugin");
  const addresses = uniqueAddresses(result);
  const isolation =
    ingressPolicy === "open" ? undefined : { policy: ingressPolicy, link: findLinkName(result, ingressPolicy) };
  return { subject: { owner: request, addresses, isolation }, result };
}

/** The address families of the attachment. */
export function familiesOf({ addresses }: Subject): readonly Family[] {
  return [...new Set(addresses.map(({ family }) => family))];
}

/** The addresses of a result, without duplicates; empty without a result. */
export function uniqueAddresses(result: Result | undefined): readonly Address[] {
  const addresses = result?.ips.map(({ address }) => address.address) ?? [];
  return [...new Map(addresses.map((address) => [formatAddress(address), address])).values()];
}

/**
 * The interface that packets pass through. The bridge is interface 0, as in the reference plugins. With a gateway in a VLAN of the
 * bridge, it is the gateway's link.
 */
function findLinkName({ interfaces }: Result, policy: string): string {
  const [bridge] = interfaces;
  if (bridge === undefined) refuse(policy, "prevResult has no interfaces: chain firewall behind bridge");
  // A macvlan's packets do not pass through the host, and a link of the host with its name would be subject to the policy.
  if (bridge.sandbox !== undefined)
    refuse(
      policy,
      `interface 0 of prevResult, ${JSON.stringify(bridge.name)}, is in the container: chain firewall behind bridge or ptp`,
    );
  const gateway = interfaces.find(({ name, sandbox }) => sandbox === undefined && name.startsWith(`${bridge.name}.`));
  const { name } = gateway ?? bridge;
  try {
    validateIfname(name);
  } catch (error) {
    if (error instanceof CniError) refuse(policy, `interface 0 of prevResult, the bridge: ${error.message}`);
    throw error;
  }
  // iptables and nft give these characters a special meaning in names.
  if (/[+*"\\\p{Cc}]/u.test(name))
    refuse(policy, `interface 0 of prevResult, the bridge, is named ${JSON.stringify(name)}`);
  return name;
}

function refuse(policy: string, reason: string): never {
  throw new CniError("invalidConfig", `Cannot use ingressPolicy ${JSON.stringify(policy)}: ${reason}`);
}
