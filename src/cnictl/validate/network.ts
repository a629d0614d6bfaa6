import { examineClaims, examineHostBits, type Uplink } from "./addresses.ts";
import { type AskVersions, examineExecutables } from "./executables.ts";
import type { Report } from "./finding.ts";
import type { Examined } from "./folder.ts";
import { examineCapabilities, examinePluginKeys, examinePublishing } from "./keys.ts";
import { examineOrder } from "./order.ts";
import { type Described, describePlugin, examineValues, type Subject } from "./plugin.ts";
import type { Source } from "./source.ts";

/** What validate knows of the machine. */
export interface Machine {
  readonly plugins: Described;
  readonly ask: AskVersions;
  readonly uplink: Uplink | undefined;
}

/** Reports all that is wrong with one network by itself. */
export function examineNetwork(source: Source, machine: Machine, report: Report): Examined {
  const subjects = source.plugins.map((placed) => describePlugin(source, placed, machine.plugins));
  examineOrder(subjects, report);
  const claims = subjects.map((subject) => examinePlugin(subject, machine, report));
  return { source, claims };
}

function examinePlugin(subject: Subject, machine: Machine, report: Report): Examined["claims"][number] {
  const { placed } = subject;
  examinePluginKeys(subject, report);
  examineCapabilities(subject, machine.plugins, report);
  examinePublishing(subject, report);
  examineIpam(subject, report);
  const claims = examineValues(subject, machine.plugins, report);
  examineClaims(placed, claims, machine.uplink, report);
  examineHostBits(subject, report);
  examineExecutables(subject, machine, report);
  return { placed, claims };
}

/** An `ipam` with settings and without a type gives no addresses, and no plugin says so. */
function examineIpam({ placed, own, ipamType }: Subject, report: Report): void {
  const { document, path, config } = placed;
  const ipam = config.json["ipam"];
  if (own === undefined || ipamType !== undefined || typeof ipam !== "object" || ipam === null) return;
  const isSet = Object.keys(ipam).some((key) => key !== "type");
  const message = 'no "type": containers get no addresses';
  if (isSet) report(document, "error", { path: [...path, "ipam"], message, hint: 'set it to "host-local"' });
}
