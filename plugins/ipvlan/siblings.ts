import { CniError } from "../../src/cni/error.ts";
import { type Child, listChildren } from "../../src/netlink/link/child.ts";
import { findNetnsId } from "../../src/netlink/netns/get.ts";
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
  const own = listOn(netlink, link.index).find(({ parentNetns }) => parentNetns === undefined);
  if (own !== undefined || !isBeside) return own && settingsOf(own);
  const netns = host.openOwnNetns();
  const found = host.findInNamespaces((each) => findElsewhere(each, link.index, netns));
  return found && settingsOf(found);
}

/** An ipvlan of the socket's namespace on a link of another one. Links of several namespaces can have one index. */
function findElsewhere(netlink: Rtnetlink, index: number, netns: number): Ipvlan | undefined {
  const candidates = listOn(netlink, index).filter(({ parentNetns }) => parentNetns !== undefined);
  if (candidates.length === 0) return undefined;
  const number = findNetnsId(netlink, netns);
  return candidates.find(({ parentNetns }) => parentNetns === number);
}

type Ipvlan = Child<"ipvlan">;

/** The ipvlans of the socket's namespace on a link of that index, in whatever namespace that is. */
function listOn(netlink: Rtnetlink, index: number): readonly Ipvlan[] {
  return listChildren(netlink, "ipvlan").filter(({ parent }) => parent === index);
}

function settingsOf({ settings: { mode = 0, flags = 0 } }: Ipvlan): PortSettings {
  return { mode, flags };
}

function describe({ mode, flags }: PortSettings): string {
  return flags === 0 ? `mode ${modeName(mode)}` : `mode ${modeName(mode)} with flags ${flagsName(flags)}`;
}
