import { CniError } from "../../src/cni/error.ts";
import { listOtherNamespaces } from "../../src/linux/netns-list.ts";
import { type Device, listDevices } from "../../src/netlink/link/device.ts";
import { ignoring } from "../../src/platform/outcome.ts";
import { pause } from "../../src/platform/pause.ts";
import { findContainer } from "../../src/steps/container.ts";
import type { Container, Host } from "../../src/steps/host.ts";
import { type DeviceRecord, isSameHardware } from "./record.ts";

/** Where a recorded device is, and as what. Without `container` it is on the host. */
export interface Whereabouts {
  readonly container: Container | undefined;
  readonly device: Device;
}

/** How long in ms the kernel may take to give hardware back to the host after its namespace ended, and the pause between two looks. */
const RETURN_MS = 3_000;
const LOOK_MS = 50;

/**
 * Finds a recorded device: at `path`, where ADD moved it, on the host, or in any other namespace. Undefined if it is nowhere: a virtual
 * link ends with its namespace. @throws NetlinkError, CniError invalidNetns
 */
export function findRecorded(host: Host, record: DeviceRecord, path = record.netns): Whereabouts | undefined {
  const near = [...new Set([path, record.netns])];
  return findIn(host, record, near) ?? findOnHost(host, record) ?? findElsewhere(host, record);
}

/** The recorded device in a container; undefined if it is not there. @throws NetlinkError */
export function findInside(container: Container, record: DeviceRecord): Device | undefined {
  const isElsewhere = container.identify() !== record.namespace;
  return listDevices(container.netlink).find((each) => isRecorded(record, each, isElsewhere));
}

/** Waits for hardware whose namespace is gone: the kernel gives it back to the host. False if it does not come, or is none. */
export function isAwaited(host: Host, record: DeviceRecord): boolean {
  const deadline = performance.now() + RETURN_MS;
  while (isHardware(record) && performance.now() < deadline) {
    pause(LOOK_MS);
    if (findOnHost(host, record) !== undefined) return true;
  }
  return false;
}

/**
 * Whether a link of the host is the recorded device as the kernel gave it back when its namespace ended: with the name or the alias that
 * it had inside. Otherwise somebody else gave it back.
 */
export function isReturned(record: DeviceRecord, device: Device): boolean {
  return isRecorded(record, device) && (device.name === record.ifname || device.alias === record.name);
}

/** Whether a device, or the device of a record, is hardware, which outlives the namespace that it is in. */
export function isHardware(device: Parameters<typeof isSameHardware>[0]): boolean {
  return isSameHardware(device, device);
}

/**
 * Whether a link is the recorded device. A virtual link is known by its index and its MAC, of which the container may change one, or by one
 * of them with the name that it had or has as its alias. Elsewhere than on the host and in the namespace that ADD moved it to, the MAC must
 * be the same: a link that another container has may have the index and the name.
 */
function isRecorded(record: DeviceRecord, device: Device, isElsewhere = false): boolean {
  if (isHardware(record)) return isSameHardware(record, device);
  if (record.kind !== device.kind) return false;
  const hasIndex = device.index === record.index;
  const hasMac = device.mac === record.mac;
  const isNamed = device.name === record.name || device.alias === record.name;
  if (isElsewhere && !hasMac) return false;
  return (hasIndex && hasMac) || ((hasIndex || hasMac) && isNamed);
}

function findOnHost({ netlink }: Host, record: DeviceRecord): Whereabouts | undefined {
  const device = listDevices(netlink).find((each) => isRecorded(record, each));
  return device && { container: undefined, device };
}

/** Looks into every other namespace. One that ends at that moment, or cannot be entered, has no device for us. */
function findElsewhere(host: Host, record: DeviceRecord): Whereabouts | undefined {
  for (const path of listOtherNamespaces()) {
    const found = ignoring([CniError], () => findIn(host, record, [path]));
    if (found !== undefined) return found;
  }
  return undefined;
}

function findIn(host: Host, record: DeviceRecord, paths: readonly string[]): Whereabouts | undefined {
  for (const path of paths) {
    const container = findContainer(host, path);
    if (container === undefined) continue;
    const device = findInside(container, record);
    if (device !== undefined) return { container, device };
  }
  return undefined;
}
