import type { NewNameConfig } from "./config.ts";

/** What begins every alias that this plugin gives: by this DEL knows its own. */
const OWN = "new-name: ";

/** The alias of a labelled interface. */
export function aliasOf({ label }: NewNameConfig): string {
  return OWN + label;
}

/** Whether this plugin gave an alias, whatever the configuration said then. */
export function isOwnAlias(alias: string): boolean {
  return alias.startsWith(OWN);
}
