import { CniError } from "../../src/cni/error.ts";
import type { Request } from "../../src/cni/request.ts";
import { type FirewallConfig, parseFirewallConfig } from "./config.ts";
import { missingSources } from "./firewalld.ts";
import { chooseFirewalls, type Firewalls } from "./firewalls.ts";
import { ALL_TABLES, type FilterTable, formatTable, missingFilterRules } from "./iptables.ts";
import { findPlace } from "./place.ts";
import { familiesOf, readSubject, type Subject } from "./subject.ts";
import { compareAdmitted } from "./table.ts";

/**
 * Compares what the host's firewalls know with what ADD would tell them now. Where the reference plugin has told iptables or firewalld, our
 * table need not know. @throws CniError checkFailed that names all that differs */
export function check(request: Request): void {
  const config = parseFirewallConfig(request);
  const { subject, result } = readSubject(request, config);
  const { addresses, isolation } = subject;
  const firewalls = chooseFirewalls(request, config, familiesOf(subject));
  const { netlink, tables, firewalld } = firewalls;
  const { adminChain, zone } = config;
  const unknown = netlink === undefined ? [] : compareAdmitted(netlink, subject, findPlace(subject, result));
  const others = [
    ...tables.flatMap((table) => {
      const missing = missingFilterRules(firewalls, table, { addresses, adminChain, isolation });
      return missing.map((line) => `Table filter of ${formatTable(table)} lacks '${line}'`);
    }),
    ...(firewalld === undefined ? [] : missingSources(firewalld, zone, addresses)),
  ];
  const isTold = others.length === 0 && config.backend !== "nftables" && isToldByReference(firewalls, config, subject);
  const differences = [...(isTold ? [] : unknown), ...others];
  if (differences.length > 0) throw new CniError("checkFailed", differences.join("; "));
}

/** Whether all is there that the reference plugin makes. It has iptables keep every policy. */
function isToldByReference(firewalls: Firewalls, { adminChain }: FirewallConfig, subject: Subject): boolean {
  const { addresses, isolation } = subject;
  if (firewalls.firewalld !== undefined && isolation === undefined) return true;
  const isWhole = (table: FilterTable) =>
    missingFilterRules(firewalls, table, { addresses, adminChain, isolation }).length === 0;
  return familiesOf(subject).every((family) => ALL_TABLES.some((table) => table.family === family && isWhole(table)));
}
