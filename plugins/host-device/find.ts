import { CniError } from "../../src/cni/error.ts";
import { findAuxiliaryLink, findPathLink, findPciAddress, findPciLink } from "../../src/linux/device.ts";
import { type Device, findDevice, listDevices } from "../../src/netlink/link/device.ts";
import type { Host } from "../../src/steps/host.ts";
import { type HostDeviceConfig, requireSelector, type Selector } from "./config.ts";
import { type DeviceRecord, listRecords } from "./record.ts";
import { findRecorded, isHardware, isReturned } from "./whereabouts.ts";

/** A device on the host, and the record that an attachment left which ended without a DEL. */
export interface FoundDevice {
  readonly device: Device;
  readonly lost: DeviceRecord | undefined;
}

/**
 * The host's device that the configuration names. A device whose container ended without a DEL is on the host under its name inside; its
 * record tells that. @throws CniError unsupportedField if there is none, tryAgainLater if a container has it or the kernel is about to give it back
 */
export function getHostDevice(host: Host, config: HostDeviceConfig): FoundDevice {
  const selector = requireSelector(config);
  const found = findHostDevice(host, selector, config.dataDir);
  if (found !== undefined) return found;
  const holder = listRecords(config.dataDir).find(
    (record) =>
      isNamed(selector, record) && (isHardware(record) || findRecorded(host, record)?.container !== undefined),
  );
  const what = describeSelector(selector);
  if (holder === undefined) throw new CniError("unsupportedField", `Cannot find the device: the host has no ${what}`);
  const { ifname, containerId, network } = holder;
  const message = `Cannot use the device: ${ifname} of container ${containerId} (network "${network}") has the ${what}`;
  throw new CniError("tryAgainLater", message);
}

/** The device that a configuration selects; undefined if the host has no such device now. */
export function findHostDevice(host: Host, selector: Selector, dataDir: string): FoundDevice | undefined {
  const device = select(host, selector);
  const records = listRecords(dataDir);
  if (device !== undefined) return { device, lost: records.find((record) => isReturned(record, device)) };
  if (selector.by !== "name") return undefined;
  const devices = listDevices(host.netlink);
  for (const lost of records.filter((record) => isNamed(selector, record))) {
    const returned = devices.find((each) => isReturned(lost, each));
    if (returned !== undefined) return { device: returned, lost };
  }
  return undefined;
}

/** Whether an attachment has the device that a selector names. */
export function isNamed({ by, value }: Selector, record: DeviceRecord): boolean {
  if (by === "name") return record.name === value || record.otherNames?.includes(value) === true;
  if (by === "mac") return record.mac === value;
  if (by === "pci") return findPciAddress(record.bus, record.parent) === value;
  if (by === "path") return record.parent !== undefined && value.split("/").includes(record.parent);
  return by === "auxiliary" && record.bus === "auxiliary" && record.parent === value;
}

/** What a selector names, in words. */
export function describeSelector({ by, value }: Selector): string {
  if (by === "name") return `link ${JSON.stringify(value)}`;
  if (by === "mac") return `link with MAC ${value}`;
  if (by === "path") return `link below ${value}`;
  return `link of ${by === "pci" ? "PCI" : "auxiliary"} device ${value}`;
}

function select({ netlink }: Host, { by, value }: Selector): Device | undefined {
  if (by === "name") return findDevice(netlink, value);
  if (by === "mac") return listDevices(netlink).find(({ mac }) => mac === value);
  const find = { path: findPathLink, pci: findPciLink, auxiliary: findAuxiliaryLink }[by];
  const name = find(value);
  const device = name === undefined ? undefined : findDevice(netlink, name);
  // /sys may be another namespace's, where another link has the name.
  return device !== undefined && isConsistent({ by, value }, device) ? device : undefined;
}

/** Whether the kernel says of a link that it is of the device by which /sys gave its name, as far as it says anything. */
function isConsistent({ by, value }: Selector, { bus, parent }: Device): boolean {
  if (parent === undefined || by === "path") return true;
  if (by === "pci") return (findPciAddress(bus, parent) ?? value) === value;
  return bus !== "auxiliary" || parent === value;
}
