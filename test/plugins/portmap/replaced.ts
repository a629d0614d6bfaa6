import type { Family } from "../../../src/ip/address.ts";
import type { IptablesHost } from "./iptables-host.ts";

// What tests put in place of the modules that look at this machine's iptables.

let iptables: IptablesHost;

/** Makes these the tools and tables that plugins find from now on. */
export function useIptables(host: IptablesHost): void {
  iptables = host;
}

/** In place of src/netfilter/rule-locks.ts: nobody else holds locks. */
export const ruleLocks = { awaitRestores: () => true, holdRestores: () => undefined, holdTurn: () => undefined };

/** In place of src/netfilter/executable.ts. */
export const executable = {
  findExecutable: (names: readonly string[]) => iptables.findExecutable(names),
  describeMissing: (name: string) => `${name} is not installed`,
};

/** In place of src/netfilter/iptables/legacy-table.ts. */
export const legacyTable = {
  hasLegacyTable: (family: Family, table: string) => iptables.hasLegacy(family, table),
  findInLegacy: (family: Family, table: string, texts: readonly string[]) =>
    iptables.findInLegacy(family, table, texts),
};
