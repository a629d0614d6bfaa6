import type { Request } from "../../src/cni/request.ts";
import { isLinkLocal } from "../../src/ip/address.ts";
import { ownerKey } from "../../src/netfilter/owner.ts";
import { listAddresses } from "../../src/netlink/address/list.ts";
import type { Device } from "../../src/netlink/link/device.ts";
import type { Link } from "../../src/netlink/link/message.ts";
import type { Container, Host } from "../../src/steps/host.ts";
import { type Defer, undoOnError } from "../../src/steps/undo.ts";
import type { HostDeviceConfig } from "./config.ts";
import { findSettings } from "./device-settings.ts";
import { type FoundDevice, getHostDevice } from "./find.ts";
import { undoTaking } from "./give-back.ts";
import { moveLinkIn } from "./move-link.ts";
import { refuseNeeded } from "./obstacles.ts";
import { type DeviceRecord, isSameHardware, listRecords, removeRecord, saveRecord } from "./record.ts";

/** What a call works with. */
interface Taking {
  readonly request: Request;
  readonly host: Host;
  readonly config: HostDeviceConfig;
  readonly container: Container;
}

/** A device that a container has now. */
interface TakenDevice {
  readonly device: Device;
  /** The link inside, which is down. */
  readonly link: Link;
}

/**
 * Finds the device, and moves it into a container as CNI_IFNAME, with its name on the host as its alias, as the Go plugin does. No other
 * call finds it at the same time. The device goes back if the call fails. @throws CniError as getHostDevice() and refuseNeeded(),
 * NetlinkError
 */
export function takeDevice(taking: Taking, defer: Defer): TakenDevice {
  const { request, host, config, container } = taking;
  const { record, ...taken } = host.withDevices(() => {
    const found = getHostDevice(host, config);
    refuseNeeded(host, found.device);
    return move(taking, found);
  });
  const search = { dataDir: config.dataDir, container, log: request.log };
  defer(() => host.withDevices(() => undoTaking(host, record, search)));
  return taken;
}

/** Writes the record, and then moves the device. */
function move(taking: Taking, found: FoundDevice): TakenDevice & { readonly record: DeviceRecord } {
  const { request, host, config, container } = taking;
  const { dataDir } = config;
  const { device, lost } = found;
  const record = describe(taking, found);
  return undoOnError(request.log, (defer) => {
    defer(() => undoTaking(host, record, { dataDir, container, log: request.log }));
    saveRecord(dataDir, record);
    const link = moveLinkIn(host.netlink, container, { link: device, name: request.ifname, alias: record.name });
    if (link.index !== record.index) saveRecord(dataDir, { ...record, index: link.index });
    forgetOlder(dataDir, record, lost);
    return { device, link, record };
  });
}

/** The device as ADD finds it. One that came back without a DEL was as the older record tells. */
function describe({ request, host, config, container }: Taking, { device, lost }: FoundDevice): DeviceRecord {
  const { network, containerId, ifname } = request;
  const { parent, bus, permanentMac, portName, kind, index, mac } = device;
  const former = lost ?? {
    ...device,
    kept: findSettings(host.netlink, device),
    addresses: addressesOf(host, device),
  };
  const { name, mtu, up, alias, otherNames, kept, addresses } = former;
  return {
    ...{ network, containerId, ifname, netns: container.path, namespace: container.identify() },
    ...{ name, index, kind, mac: lost?.mac ?? mac, mtu, up, alias, otherNames, kept, addresses },
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
