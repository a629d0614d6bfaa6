import fs from "#fs";
import path from "#path";
import { isLasting } from "../platform/errno.ts";
import { ignoring } from "../platform/outcome.ts";

const DEVICES = "/sys/devices/";
const PCI = "/sys/bus/pci/devices";
const AUXILIARY = "/sys/bus/auxiliary/devices";
const VIRTIO = "/sys/bus/virtio/devices";

/** A PCI address: domain, bus, device and function. Some controllers have domains of more than 4 digits. */
const PCI_ADDRESS = /^[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/;

/** A name in a folder of /sys: it leads nowhere else. */
const NAME = /^[\w.:@-]{1,255}$/;

/** Whether a text is the address of a PCI device, as /sys/bus/pci/devices has it. */
export function isPciAddress(text: string): boolean {
  return PCI_ADDRESS.test(text);
}

/** Whether there is a PCI device of that address. */
export function hasPciDevice(address: string): boolean {
  return isPciAddress(address) && fs.existsSync(`${PCI}/${address}`);
}

/** Whether there is a device of that name on the auxiliary bus, like "mlx5_core.sf.4". */
export function hasAuxiliaryDevice(name: string): boolean {
  return isName(name) && fs.existsSync(`${AUXILIARY}/${name}`);
}

/**
 * The name of a PCI device's link: the first one in its folder, or in that of its virtio device. Undefined if it has none in the network
 * namespace that /sys shows: it may be in another one. @throws errors that may pass, such as EIO
 */
export function findPciLink(address: string): string | undefined {
  if (!isPciAddress(address)) return undefined;
  const folder = `${PCI}/${address}`;
  const below = list(folder).filter((name) => name.startsWith("virtio"));
  return [folder, ...below.map((name) => `${folder}/${name}`)].map(firstLink).find((name) => name !== undefined);
}

/** The name of the link of a device on the auxiliary bus. Undefined as for findPciLink(). */
export function findAuxiliaryLink(name: string): string | undefined {
  return isName(name) ? firstLink(`${AUXILIARY}/${name}`) : undefined;
}

/**
 * The name of the link of the device with a path below /sys/devices; undefined if it has none. A path that leads out of /sys/devices has
 * none. @throws errors that may pass, such as EIO
 */
export function findPathLink(device: string): string | undefined {
  const real = isDevicePath(device) ? ignoring(isLasting, () => fs.realpathSync(device)) : undefined;
  return real?.startsWith(DEVICES) ? firstLink(real) : undefined;
}

/** Whether a path is absolute and below /sys/devices, with what ".." does to it. */
export function isDevicePath(device: string): boolean {
  return !device.includes("\0") && device.startsWith("/") && path.resolve(device).startsWith(DEVICES);
}

/** The name of the driver of a PCI device; undefined if none is bound to it. */
export function findDriver(address: string): string | undefined {
  const target = isPciAddress(address)
    ? ignoring(isLasting, () => fs.readlinkSync(`${PCI}/${address}/driver`))
    : undefined;
  return target === undefined ? undefined : path.basename(target);
}

/** The address of the PCI device that a device of the bus "pci" or "virtio" is; undefined for another bus. */
export function findPciAddress(bus: string | undefined, device: string | undefined): string | undefined {
  if (device === undefined || !isName(device)) return undefined;
  if (bus === "pci") return isPciAddress(device) ? device : undefined;
  if (bus !== "virtio") return undefined;
  const real = ignoring(isLasting, () => fs.realpathSync(`${VIRTIO}/${device}`)) ?? "";
  return real.split("/").findLast(isPciAddress);
}

function firstLink(folder: string): string | undefined {
  return [...list(`${folder}/net`)].sort()[0];
}

function isName(text: string): boolean {
  return NAME.test(text) && text !== "." && text !== "..";
}

function list(folder: string): readonly string[] {
  return ignoring(isLasting, () => fs.readdirSync(folder)) ?? [];
}
