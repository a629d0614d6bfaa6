import { CniError } from "../../src/cni/error.ts";
import { listChildren } from "../../src/netlink/link/child.ts";
import type { Rtnetlink } from "../../src/netlink/socket.ts";
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
function findSettings(host: Host, { link, netlink }: Master): PortSettings | undefined {
  const isBeside = netlink === host.netlink;
  const own = readSettings(netlink, link.index, { isHere: true });
  if (own !== undefined || !isBeside) return own;
  return host.findInNamespaces((each) => readSettings(each, link.index, { isHere: false }));
}

/** The settings of an ipvlan on the link of that index, which is in the socket's namespace or in another. */
function readSettings(netlink: Rtnetlink, index: number, { isHere }: { isHere: boolean }): PortSettings | undefined {
  const isOn = ({ parent, parentNetns }: ReturnType<typeof listChildren>[number]) =>
    parent === index && (parentNetns === undefined) === isHere;
  const settings = listChildren(netlink, "ipvlan").find(isOn)?.settings;
  return settings && { mode: settings.mode ?? 0, flags: settings.flags ?? 0 };
}

function describe({ mode, flags }: PortSettings): string {
  return flags === 0 ? `mode ${modeName(mode)}` : `mode ${modeName(mode)} with flags ${flagsName(flags)}`;
}
