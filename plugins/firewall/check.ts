import { CniError } from "../../src/cni/error.ts";
import type { Request } from "../../src/cni/request.ts";
import { parseFirewallConfig } from "./config.ts";
import { missingSources } from "./firewalld.ts";
import { chooseFirewalls } from "./firewalls.ts";
import { formatTable, missingFilterRules } from "./iptables.ts";
import { findPlace } from "./place.ts";
import { familiesOf, readSubject } from "./subject.ts";
import { compareAdmitted } from "./table.ts";

/** Compares what the host's firewalls know with what ADD would tell them now. @throws CniError checkFailed that names all that differs */
export function check(request: Request): void {
  const config = parseFirewallConfig(request);
  const { subject, result } = readSubject(request, config);
  const { addresses, isolation } = subject;
  const firewalls = chooseFirewalls(request, config, familiesOf(subject));
  const { netlink, tables, firewalld } = firewalls;
  const { adminChain, zone } = config;
  const differences = [
    ...(netlink === undefined ? [] : compareAdmitted(netlink, subject, findPlace(subject, result))),
    ...tables.flatMap((table) => {
      const missing = missingFilterRules(firewalls, table, { addresses, adminChain, isolation });
      return missing.map((line) => `Table filter of ${formatTable(table)} lacks '${line}'`);
    }),
    ...(firewalld === undefined ? [] : missingSources(firewalld, zone, addresses)),
  ];
  if (differences.length > 0) throw new CniError("checkFailed", differences.join("; "));
}
