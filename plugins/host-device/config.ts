import { validateLinkName } from "../../src/cni/environment.ts";
import { CniError } from "../../src/cni/error.ts";
import { findMember, isObject } from "../../src/cni/json.ts";
import { parseForRemoval, parseRequest } from "../../src/cni/parse-request.ts";
import type { Request } from "../../src/cni/request.ts";
import type { Dns } from "../../src/cni/result.ts";
import type { Mac } from "../../src/ip/mac.ts";
import { findDriver, hasAuxiliaryDevice, hasPciDevice, isDevicePath, isPciAddress } from "../../src/linux/device.ts";
import * as schema from "./schema.ts";

/** The folder of the records. It goes with a boot, as the attachments do. */
const DEFAULT_DATA_DIR = "/run/cni/host-device";

/** Drivers that hand a PCI device to a program: it has no link then. */
const USER_SPACE_DRIVERS: readonly string[] = ["vfio-pci", "uio_pci_generic", "igb_uio"];

/** How the configuration names the device. */
export type Selector =
  | { readonly by: "name" | "path" | "pci" | "auxiliary"; readonly value: string }
  | { readonly by: "mac"; readonly value: Mac };

/** The configuration of `host-device`. */
export interface HostDeviceConfig {
  /** Undefined if only the runtime can name the device, and has not. */
  readonly selector: Selector | undefined;
  /** Whether `DPDKMode` is set: the device stays where it is, and the container gets no link. */
  readonly dpdk: boolean;
  /** Whether DEL gives the device its addresses back. */
  readonly restoreAddresses: boolean;
  readonly dataDir: string;
  /** Type of the IPAM plugin. Undefined for a network without addresses. */
  readonly ipam: string | undefined;
  readonly dns: Dns | undefined;
}

/**
 * Reads the configuration. It must name a device, unless the runtime does so for each container. @throws CniError invalidConfig
 */
export function parseHostDeviceConfig(request: Request): HostDeviceConfig {
  const fields = parseRequest(schema.hostDevice, request);
  const selector = selectByRuntime(fields.runtimeConfig?.deviceID) ?? select(fields);
  if (selector === undefined && fields.capabilities?.deviceID !== true) refuseUnnamed();
  return {
    selector,
    dpdk: fields.DPDKMode,
    restoreAddresses: fields.restoreAddresses,
    dataDir: fields.dataDir || DEFAULT_DATA_DIR,
    ipam: fields.ipam?.type || undefined,
    dns: fields.dns,
  };
}

/** The device's selector, which a call needs that is about one container. @throws CniError invalidConfig */
export function requireSelector({ selector }: HostDeviceConfig): Selector {
  return selector ?? refuseUnnamed();
}

/** Whether a program has the device instead of the kernel. @throws CniError unsupportedField if no driver is bound to a PCI device */
export function isInUserSpace({ selector, dpdk }: HostDeviceConfig): boolean {
  if (selector?.by !== "pci") return dpdk;
  const driver = findDriver(selector.value);
  if (driver !== undefined) return USER_SPACE_DRIVERS.includes(driver);
  const why = hasPciDevice(selector.value) ? "no driver is bound to it" : "the host has no such device";
  throw new CniError("unsupportedField", `Cannot use PCI device ${selector.value}: ${why}`);
}

/** The only setting that DEL and GC need. The rest of the configuration may be invalid by then. @throws CniError invalidConfig from GC */
export function readDataDir(request: Request): string {
  return parseForRemoval(schema.records, request)?.dataDir || DEFAULT_DATA_DIR;
}

/** The device that a configuration names by its link, which may be invalid by then; undefined if it names none. */
export function readDeviceName({ config }: Pick<Request, "config">): string | undefined {
  const name = isObject(config) ? findMember(config, "device") : undefined;
  return typeof name === "string" ? name : undefined;
}

/** The device that the runtime asks for, as a device plugin of Kubernetes names it. It goes before the configuration's own. */
function selectByRuntime(id: string | undefined): Selector | undefined {
  if (id === undefined || id === "") return undefined;
  if (hasPciDevice(id)) return { by: "pci", value: id };
  if (hasAuxiliaryDevice(id)) return { by: "auxiliary", value: id };
  throw new CniError("invalidConfig", `runtime config DeviceID ${id} not found or unsupported`);
}

/** The first key that is set, in the reference's order. */
function select(fields: {
  readonly device?: string | undefined;
  readonly hwaddr?: Mac | undefined;
  readonly kernelpath?: string | undefined;
  readonly pciBusID?: string | undefined;
}): Selector | undefined {
  const { device, hwaddr, kernelpath, pciBusID } = fields;
  if (device) return { by: "name", value: checkName(device) };
  if (hwaddr) return { by: "mac", value: hwaddr };
  if (kernelpath) return { by: "path", value: checkPath(kernelpath) };
  return pciBusID ? selectById(pciBusID) : undefined;
}

function checkName(device: string): string {
  validateLinkName("device", device);
  return device;
}

function checkPath(kernelpath: string): string {
  if (isDevicePath(kernelpath)) return kernelpath;
  return invalid(`kernel device path ${JSON.stringify(kernelpath)} must be absolute and begin with /sys/devices/`);
}

/** Multus writes the identifier of a device plugin here, of whichever bus its device is. */
function selectById(pciBusID: string): Selector {
  if (isPciAddress(pciBusID)) return { by: "pci", value: pciBusID };
  if (hasAuxiliaryDevice(pciBusID)) return { by: "auxiliary", value: pciBusID };
  return invalid(
    `Cannot use pciBusID ${JSON.stringify(pciBusID)}: must be a PCI address such as 0000:3b:00.1, or a device on the auxiliary bus`,
  );
}

function refuseUnnamed(): never {
  return invalid('specify either "device", "hwaddr", "kernelpath" or "pciBusID"');
}

function invalid(message: string): never {
  throw new CniError("invalidConfig", message);
}
