import { CniError } from "../../src/cni/error.ts";
import type { Request } from "../../src/cni/request.ts";
import type { Result } from "../../src/cni/result.ts";
import { listDroppingChains } from "../../src/netfilter/forward-refusal.ts";
import { selectOwner } from "../../src/netfilter/owner.ts";
import { addSources, removeSources } from "../../src/steps/firewalld.ts";
import type { Host } from "../../src/steps/host.ts";
import { withIptables } from "../../src/steps/netfilter.ts";
import { type Defer, undoOnError } from "../../src/steps/undo.ts";
import { type FirewallConfig, parseFirewallConfig } from "./config.ts";
import { chooseFirewalls, type Firewalls } from "./firewalls.ts";
import { addFilterRules, deleteFilterRules } from "./iptables.ts";
import { findPlace, type Place } from "./place.ts";
import { familiesOf, readSubject, type Subject } from "./subject.ts";
import { admit, dismiss } from "./table.ts";

/** Adds allow rules for an attachment to the host's firewalls, and rules for its ingress policy. prevResult is passed on unchanged. */
export function add(request: Request, host: Host): Result {
  return undoOnError(request.log, (defer) => letThrough(request, host, defer));
}

/** The steps of ADD. They add only what is missing. */
export function letThrough(request: Request, host: Host, defer: Defer): Result {
  const config = parseFirewallConfig(request);
  const { subject, result } = readSubject(request, config);
  const firewalls = chooseFirewalls(host, { request, config }, familiesOf(subject));
  refuseUnkept(firewalls, subject);
  const place = findPlace(host, subject, result);
  for (const refusal of firewalls.refusals) request.log(`The container may be cut off: ${refusal}`);
  for (const chain of firewalls.netlink === undefined ? [] : listDroppingChains(firewalls.netlink))
    request.log(`The container is cut off unless rules there accept its packets: ${chain}`);
  tell(firewalls, { config, subject, place }, defer);
  return result;
}

/** Refuses a policy that no firewall would enforce. @throws CniError unsupportedField */
function refuseUnkept({ netlink, tables }: Firewalls, { isolation }: Subject): void {
  if (isolation === undefined || netlink !== undefined || tables.length > 0) return;
  const reason = 'the kernel has no nf_tables: set backend to "iptables"';
  throw new CniError("unsupportedField", `Cannot use ingressPolicy ${JSON.stringify(isolation.policy)}: ${reason}`);
}

/** Adds to our table first. Its elements are needed to find the other firewalls' rules again. */
function tell(
  firewalls: Firewalls,
  { config, subject, place }: { config: FirewallConfig; subject: Subject; place: Place | undefined },
  defer: Defer,
): void {
  const { netlink, tables, firewalld } = firewalls;
  const { addresses, isolation } = subject;
  const { adminChain, zone } = config;
  if (netlink !== undefined) {
    defer(() => dismiss(netlink, selectOwner(subject.owner)));
    admit(netlink, subject, place);
  }
  withIptables("let a container's addresses through iptables", () => {
    for (const table of tables) defer(() => deleteFilterRules(firewalls, table, addresses));
    addFilterRules(firewalls, tables, { addresses, adminChain, isolation });
  });
  if (firewalld !== undefined) {
    defer(() => removeSources(firewalld, zone, addresses));
    addSources(firewalld, zone, addresses);
  }
}
