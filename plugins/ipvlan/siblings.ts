import { CniError } from "../../src/cni/error.ts";
import { findChildOf } from "../../src/steps/child-of.ts";
import type { Host } from "../../src/steps/host.ts";
import type { Master } from "../../src/steps/master.ts";
import { flagsName, modeName, type PortSettings } from "./config.ts";

/**
 * Refuses mode and flags that the master's ipvlans have not got: the kernel would switch them all to those of the newest, and cut off
 * containers. They are in the network namespaces of their containers. @throws CniError invalidConfig
 */
export function refuseOtherSettings(
  host: Host,
  { master, settings }: { master: Master; settings: PortSettings },
): void {
  const found = findSettings(host, master);
  if (found === undefined || (found.mode === settings.mode && found.flags === settings.flags)) return;
  const own = describe(settings);
  const message = `Cannot use ${own} on master "${master.link.name}": its ipvlan links have ${describe(found)}`;
  throw new CniError("invalidConfig", message, {
    details: "all ipvlan links of a master have one mode, and the kernel would change that of running containers",
  });
}

/** Mode and flags of the ipvlans on a master; undefined if it has none. */
function findSettings(host: Host, master: Master): PortSettings | undefined {
  const found = findChildOf(host, master, { kind: "ipvlan", is: () => true });
  if (found === undefined) return undefined;
  const { mode = 0, flags = 0 } = found.settings;
  return { mode, flags };
}

function describe({ mode, flags }: PortSettings): string {
  return flags === 0 ? `mode ${modeName(mode)}` : `mode ${modeName(mode)} with flags ${flagsName(flags)}`;
}
