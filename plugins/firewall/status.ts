import { CniError } from "../../src/cni/error.ts";
import type { Request } from "../../src/cni/request.ts";
import { findRestore, IptablesError } from "../../src/netfilter/iptables/tool.ts";
import { handling } from "../../src/platform/outcome.ts";
import { knowsZone } from "../../src/steps/firewalld.ts";
import type { Host } from "../../src/steps/host.ts";
import { refuseProblems } from "../../src/steps/problems.ts";
import { type FirewallConfig, parseFirewallConfig } from "./config.ts";
import { chooseFirewalls, type Firewalls } from "./firewalls.ts";

/**
 * Whether an ADD could succeed, and its container would not be cut off by another firewall. It makes few requests because it runs every
 * few seconds.
 * @throws CniError unavailable with the problem and the remedy
 */
export function status(request: Request, host: Host): void {
  const config = parseFirewallConfig(request);
  const find = () => findProblems(request, host, config);
  refuseProblems(handling([CniError], find, ({ message }) => [message]));
}

function findProblems(request: Request, host: Host, config: FirewallConfig): readonly string[] {
  const firewalls = chooseFirewalls(host, { request, config }, [4, 6]);
  const advice = 'leave backend unset or set it to "iptables", or let packets through there';
  return [
    ...firewalls.refusals.map((refusal) => `Containers would be cut off: ${refusal}: ${advice}`),
    ...checkCommands(request, firewalls),
    ...checkZone(firewalls, config),
  ];
}

function checkCommands({ environment }: Request, { tables }: Firewalls): readonly string[] {
  try {
    for (const { family } of tables) findRestore(family, environment);
    return [];
  } catch (error) {
    if (error instanceof IptablesError) return [error.message];
    throw error;
  }
}

function checkZone({ firewalld }: Firewalls, { zone }: FirewallConfig): readonly string[] {
  if (firewalld === undefined || knowsZone(firewalld, zone)) return [];
  return [`firewalld has no zone ${JSON.stringify(zone)}: make it, or set firewalldZone to another`];
}
