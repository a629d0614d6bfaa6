import type { Request } from "../../src/cni/request.ts";
import { isLinkLocal } from "../../src/ip/address.ts";
import { ownerKey } from "../../src/netfilter/owner.ts";
import { listAddresses } from "../../src/netlink/address/list.ts";
import type { Link } from "../../src/netlink/link/message.ts";
import type { Container, Host } from "../../src/steps/host.ts";
import type { Defer } from "../../src/steps/undo.ts";
import type { HostDeviceConfig } from "./config.ts";
import type { FoundDevice } from "./find.ts";
import { undoTaking } from "./give-back.ts";
import { moveLinkIn } from "./move-link.ts";
import { type DeviceRecord, isSameHardware, listRecords, removeRecord, saveRecord } from "./record.ts";

/**
 * Moves a device into a container as CNI_IFNAME, with its name on the host as its alias, as the Go plugin does. A record of it is written
 * before. Returns the link inside, which is down. The device goes back if the call fails. @throws NetlinkError
 */
export function takeDevice(
  {
    request,
    host,
    config,
    container,
  }: { request: Request; host: Host; config: HostDeviceConfig; container: Container },
  found: FoundDevice,
  defer: Defer,
): Link {
  const { dataDir } = config;
  const record = describe({ request, host, config, container }, found);
  defer(() => undoTaking(host, record, { dataDir, path: container.path, log: request.log }));
  saveRecord(dataDir, record);
  const { device } = found;
  const inside = moveLinkIn(host.netlink, container, { link: device, name: request.ifname, alias: record.name });
  if (inside.index !== record.index) saveRecord(dataDir, { ...record, index: inside.index });
  forgetOlder(dataDir, record, found.lost);
  return inside;
}

/** The device as ADD finds it. One that came back without a DEL was as the older record tells. */
function describe(
  {
    request,
    host,
    config,
    container,
  }: { request: Request; host: Host; config: HostDeviceConfig; container: Container },
  { device, lost }: FoundDevice,
): DeviceRecord {
  const { network, containerId, ifname } = request;
  const { parent, bus, permanentMac, portName, kind, index, mac } = device;
  const former = lost ?? { ...device, addresses: addressesOf(host, device) };
  const { name, mtu, up, alias, addresses } = former;
  return {
    ...{ network, containerId, ifname, netns: container.path, namespace: container.identify() },
    ...{ name, index, kind, mac: lost?.mac ?? mac, mtu, up, alias, addresses },
    ...{ restoreAddresses: config.restoreAddresses, parent, bus, permanentMac, portName },
  };
}

function addressesOf({ netlink }: Host, device: Link): DeviceRecord["addresses"] {
  const prefixes = listAddresses(netlink, device).map(({ prefix }) => prefix);
  return prefixes.filter(({ address }) => !isLinkLocal(address));
}

/** The device is this attachment's now. A DEL of an earlier one must not take it. */
function forgetOlder(dataDir: string, record: DeviceRecord, lost: DeviceRecord | undefined): void {
  const own = ownerKey(record);
  const older = listRecords(dataDir).filter((each) => isSameHardware(each, record));
  for (const each of lost === undefined ? older : [lost, ...older])
    if (ownerKey(each) !== own) removeRecord(dataDir, each);
}
