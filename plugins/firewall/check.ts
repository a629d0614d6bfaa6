import type { Request } from "../../src/cni/request.ts";
import { refuseDifferences } from "../../src/steps/differences.ts";
import { missingSources } from "../../src/steps/firewalld.ts";
import type { Host } from "../../src/steps/host.ts";
import { type FirewallConfig, parseFirewallConfig } from "./config.ts";
import { chooseFirewalls, type Firewalls } from "./firewalls.ts";
import { ALL_TABLES, type FilterTable, formatTable, missingFilterRules } from "./iptables.ts";
import { isAddition } from "./iptables-rules.ts";
import { findPlace } from "./place.ts";
import { familiesOf, readSubject, type Subject } from "./subject.ts";
import { compareAdmitted } from "./table.ts";

/**
 * Compares the host's firewalls with what ADD would set up now. If the reference plugin has set up iptables or firewalld, our table may
 * lack the attachment.
 * @throws CniError checkFailed naming every difference
 */
export function check(request: Request, host: Host): void {
  const config = parseFirewallConfig(request);
  const { subject, result } = readSubject(request, config);
  const firewalls = chooseFirewalls(host, { request, config }, familiesOf(subject));
  const { netlink, tables, firewalld } = firewalls;
  const unknown = netlink === undefined ? [] : compareAdmitted(netlink, subject, findPlace(host, subject, result));
  const sources = firewalld === undefined ? [] : missingSources(firewalld, config.zone, subject.addresses);
  const isReferences =
    unknown.length > 0 &&
    sources.length === 0 &&
    config.backend !== "nftables" &&
    isToldByReference(firewalls, config, subject);
  const rules = tables.flatMap((table) => {
    const missing = missingRules(firewalls, table, { config, subject, isReferences });
    return missing.map((line) => `Table filter of ${formatTable(table)} lacks '${line}'`);
  });
  const differences = [...(isReferences ? [] : unknown), ...rules, ...sources];
  refuseDifferences(differences);
}

/** Whether everything is there that the reference plugin sets up. It enforces every policy with iptables. */
function isToldByReference(firewalls: Firewalls, config: FirewallConfig, subject: Subject): boolean {
  if (firewalls.firewalld !== undefined && subject.isolation === undefined) return true;
  const isWhole = (table: FilterTable) =>
    missingRules(firewalls, table, { config, subject, isReferences: true }).length === 0;
  return familiesOf(subject).every((family) => ALL_TABLES.some((table) => table.family === family && isWhole(table)));
}

/** What a table lacks. For rules of the reference plugin (`isReferences`), rules that only we add are not required. */
function missingRules(
  firewalls: Firewalls,
  table: FilterTable,
  { config, subject, isReferences }: { config: FirewallConfig; subject: Subject; isReferences: boolean },
): readonly string[] {
  const { addresses, isolation } = subject;
  const missing = missingFilterRules(firewalls, table, { addresses, adminChain: config.adminChain, isolation });
  return isReferences ? missing.filter((line) => !isAddition(line)) : missing;
}
