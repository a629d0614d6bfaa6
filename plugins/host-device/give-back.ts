import { CniError } from "../../src/cni/error.ts";
import { findPrevResult, type Request } from "../../src/cni/request.ts";
import { broadcastAddress } from "../../src/ip/prefix.ts";
import { addAddress } from "../../src/netlink/address/add.ts";
import { type Device, findDevice } from "../../src/netlink/link/device.ts";
import { findLink } from "../../src/netlink/link/get.ts";
import type { Link, LinkId } from "../../src/netlink/link/message.ts";
import { addOtherName, deleteOtherName } from "../../src/netlink/link/other-names.ts";
import { setLink } from "../../src/netlink/link/set.ts";
import type { Rtnetlink } from "../../src/netlink/socket.ts";
import { ERRNO, LinuxError } from "../../src/platform/errno.ts";
import { handling, ignoring } from "../../src/platform/outcome.ts";
import { findContainer } from "../../src/steps/container.ts";
import type { Container, Host } from "../../src/steps/host.ts";
import { isOthersInterface } from "../../src/steps/others-interface.ts";
import { findReportedInside } from "../../src/steps/reported.ts";
import { readDataDir, readDeviceName } from "./config.ts";
import { settingsToRestore } from "./device-settings.ts";
import { moveLinkOut } from "./move-link.ts";
import { type DeviceRecord, findRecord, listRecords, removeRecord } from "./record.ts";
import { findInside, findRecorded, isAwaited, isHardware, isReturned, type Whereabouts } from "./whereabouts.ts";

/**
 * Gives an attachment's device back to the host, wherever it is by now, with its name and state. Without a record it is the Go plugin's:
 * then the alias has the name. Nothing to do if there is no device. @throws CniError interfaceExists if the host has another link of the
 * name, tryAgainLater, NetlinkError
 */
export function giveBack(request: Request, host: Host): void {
  const dataDir = readDataDir(request);
  const record = findRecord(dataDir, request, request.log);
  if (record === undefined) host.withDevices(() => giveBackUnrecorded(request, host, dataDir));
  else giveBackRecorded(host, record, { dataDir, path: request.netns, log: request.log });
}

/** A device that is in a namespace. */
interface Taken {
  readonly container: Container;
  readonly device: Device;
}

/** Where records are, and where the device may be. */
interface Search {
  readonly dataDir: string;
  readonly path: string;
  readonly log: (line: string) => void;
}

/** Gives a recorded device back, and removes the record. The record of hardware that is nowhere stays for the next call. */
export function giveBackRecorded(host: Host, record: DeviceRecord, search: Search): void {
  const attempt = () => host.withDevices(() => giveBackFound(host, record, search));
  if (attempt() || (isAwaited(host, record) && attempt())) return;
  search.log(
    `Device "${record.name}" is neither on the host nor in a namespace: the next call for it gives its name back`,
  );
}

/** Returns false for hardware that is nowhere. Another call may have given the device back meanwhile. */
function giveBackFound(host: Host, owner: DeviceRecord, { dataDir, path, log }: Search): boolean {
  const record = findRecord(dataDir, owner);
  if (record === undefined) return true;
  const found = findRecorded(host, record, path);
  if (found === undefined && isHardware(record)) return false;
  const device = found && bringHome(host, record, found);
  if (device !== undefined) restore(host, record, { device, log });
  removeRecord(dataDir, record);
  return true;
}

/** Undoes an ADD, which may have moved the device into its container or not. Call it under the lock on devices. */
export function undoTaking(
  host: Host,
  record: DeviceRecord,
  { dataDir, container, log }: Omit<Search, "path"> & { readonly container: Container },
): void {
  const device = findInside(container, record);
  if (device !== undefined) restore(host, record, { device: moveOut(host, record, { container, device }), log });
  removeRecord(dataDir, record);
}

/** Brings a device to the host under its name. Undefined if somebody else gave it back: it is as they want it. */
function bringHome(host: Host, record: DeviceRecord, found: Whereabouts): Link | undefined {
  const { container, device } = found;
  if (container !== undefined) return moveOut(host, record, { container, device });
  if (!isReturned(record, device)) return undefined;
  dropOtherNames(host.netlink, record, device);
  return device.name === record.name ? device : rename(host, device, record.name);
}

function moveOut(
  host: Host,
  { name, otherNames }: Pick<DeviceRecord, "name" | "otherNames">,
  { container, device }: Taken,
): Link {
  refuseTaken(host, device, name);
  dropOtherNames(container.netlink, { otherNames }, device);
  const own = { netlink: host.netlink, netns: host.openOwnNetns() };
  return moveLinkOut(container, own, { link: device, name });
}

/**
 * Takes the other names from a device that the container gave it. A link keeps them when it moves: they would hide the host's own links
 * of these names, and the kernel moves no link with a name that the host has.
 */
function dropOtherNames(netlink: Rtnetlink, { otherNames }: Pick<DeviceRecord, "otherNames">, device: Device): void {
  const isAdded = (name: string) => otherNames !== undefined && !otherNames.includes(name);
  for (const name of device.otherNames.filter(isAdded))
    ignoring([ERRNO.ENOENT], () => deleteOtherName(netlink, device, name));
}

/** Gives a device on the host its name back. It came back down. */
function rename(host: Host, device: Device, name: string): Link {
  refuseTaken(host, device, name);
  if (device.up) setLink(host.netlink, device, { up: false });
  setLink(host.netlink, device, { name });
  return { ...device, name, up: false };
}

function refuseTaken({ netlink }: Host, { name: current }: LinkId, name: string): void {
  if (findLink(netlink, name) === undefined) return;
  const message = `Cannot give link "${current}" back as "${name}": the host has another link of that name`;
  throw new CniError("interfaceExists", message, { details: "rename or delete that one, and call DEL again" });
}

/** Gives a device on the host what ADD found: only what differs. The alias comes last, because it marks a device that is not done. */
function restore(
  { netlink }: Host,
  record: DeviceRecord,
  { device, log }: { device: Link; log: (line: string) => void },
): void {
  const { mac, mtu, alias, up, kept } = record;
  if (device.mac !== mac) orLog(log, () => setLink(netlink, device, { mac }));
  if (device.mtu !== mtu) orLog(log, () => setLink(netlink, device, { mtu }));
  for (const name of record.otherNames ?? [])
    orLog(log, () => ignoring([ERRNO.EEXIST], () => addOtherName(netlink, device, name)));
  for (const request of kept === undefined ? [] : settingsToRestore(netlink, device, kept)) orLog(log, request);
  if (record.restoreAddresses) restoreAddresses(netlink, device, record);
  if (device.up !== up) setLink(netlink, device, { up });
  if (device.alias !== alias) setLink(netlink, device, { alias });
}

function restoreAddresses(netlink: Rtnetlink, link: LinkId, { addresses }: DeviceRecord): void {
  for (const prefix of addresses)
    ignoring([ERRNO.EEXIST], () => addAddress(netlink, link, { prefix, broadcast: broadcastAddress(prefix) }));
}

/** A device may refuse a setting that it had, such as an MTU after its driver was exchanged. */
function orLog(log: (line: string) => void, change: () => void): void {
  handling([LinuxError], change, ({ message }) => log(message));
}

/**
 * The device of an attachment that the Go plugin made: the link of that name, with the name on the host as its alias. A container can make
 * such a link, too, but no hardware.
 */
function giveBackUnrecorded(request: Request, host: Host, dataDir: string): void {
  const container = findContainer(host, request.netns);
  const device = container && findDevice(container.netlink, request.ifname);
  if (container === undefined || device === undefined || !isName(device.alias)) return;
  if (isOthersInterface(host, device, request)) return;
  if (!isHardware(device) && (!isReported(request, device) || isBack(host, device))) return;
  const namespace = container.identify();
  const isAnothers = listRecords(dataDir).some((each) => each.namespace === namespace && each.name === device.alias);
  if (isAnothers) return;
  const outside = moveOut(host, { name: device.alias, otherNames: undefined }, { container, device });
  setLink(host.netlink, outside, { alias: "" });
}

/** Whether the configuration names a virtual device, and the result of ADD reports it. Anything else may be a link that the container made. */
function isReported(request: Request, { name, alias, mac }: Device): boolean {
  const result = findPrevResult(request);
  const reported = result && findReportedInside(result, name)?.mac;
  return reported?.toLowerCase() === mac && alias === readDeviceName(request);
}

/** Whether the host has the device again, so that the one in the container is another. */
function isBack({ netlink }: Host, { alias, mac }: Device): boolean {
  return findLink(netlink, alias)?.mac === mac;
}

/** Whether an alias can be the name of a link. */
function isName(alias: string): boolean {
  return /^[^\s/:]{1,15}$/.test(alias) && alias !== "." && alias !== "..";
}
