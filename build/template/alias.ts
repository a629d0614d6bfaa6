import type { NewNameConfig } from "./config.ts";

/** The prefix of this plugin's aliases. DEL recognises its own by it. */
const OWN = "new-name: ";

/** The alias of a labelled interface. */
export function aliasOf({ label }: NewNameConfig): string {
  return OWN + label;
}

/** Whether this plugin set an alias, with any configuration. */
export function isOwnAlias(alias: string): boolean {
  return alias.startsWith(OWN);
}
