import { findKeptSettings, type KeptSettings, settingRequests } from "../../src/netlink/link/kept-settings.ts";
import type { LinkId } from "../../src/netlink/link/message.ts";
import { detachProgram, programsOf } from "../../src/netlink/link/xdp.ts";
import type { Rtnetlink } from "../../src/netlink/socket.ts";

/** What a device keeps in a container, which can change it there: its settings, and the numbers of its XDP programs. */
export interface DeviceSettings extends Omit<KeptSettings, "xdp"> {
  readonly programs: readonly number[];
}

/** The settings of a device for its record; undefined if it is gone. @throws NetlinkError */
export function findSettings(netlink: Rtnetlink, device: LinkId): DeviceSettings | undefined {
  const found = findKeptSettings(netlink, device);
  if (found === undefined) return undefined;
  const { xdp, ...settings } = found;
  return { ...settings, programs: programsOf(xdp).map(({ id }) => id) };
}

/**
 * The requests that give a device the settings of its record, and detach the XDP programs that it has got since: they would go on
 * deciding on the host's packets. Each throws NetlinkError if the driver does not take it.
 */
export function settingsToRestore(
  netlink: Rtnetlink,
  device: LinkId,
  { programs, ...wanted }: DeviceSettings,
): readonly (() => void)[] {
  const found = findKeptSettings(netlink, device);
  if (found === undefined) return [];
  const added = programsOf(found.xdp).filter(({ id }) => !programs.includes(id));
  return [
    ...added.map((program) => () => detachProgram(netlink, device, program)),
    ...settingRequests(netlink, device, { found, wanted }),
  ];
}
