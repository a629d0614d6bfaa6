import { findLease, type LeaseEntry } from "../../plugins/host-local/lease-report.ts";
import { releaseLease } from "../../plugins/host-local/release.ts";
import { CniError } from "../cni/error.ts";
import { type Address, formatAddress, parseAddress } from "../ip/address.ts";
import { defineCommand } from "./command.ts";
import type { Edge } from "./edge.ts";
import { searchAddress } from "./inventory/address-search.ts";
import { namespaceOf } from "./inventory/attachment-view.ts";
import { sourcesOf } from "./inventory/attachments.ts";
import { type Inventory, takeInventory } from "./inventory/inventory.ts";
import { type LeaseView, viewLeases } from "./inventory/lease-view.ts";
import { VIEW_OPTIONS } from "./option.ts";
import { UsageError } from "./usage-error.ts";
import { writeJson } from "./view.ts";

/** `cnictl release`: deletes a lease that surely nobody uses. */
export const release = defineCommand({
  name: "release",
  summary: "Deletes the lease of an address that nobody uses",
  help: [
    "Deletes the lease with host-local's lock, so that the address can be given out again. Refuses if an",
    "attachment may use the address, and says which and how to detach it. A lease that no other source",
    "knows is deleted only if no network namespace of this machine has the address.",
  ],
  operands: [{ name: "address", required: true, completion: "lease" }],
  options: {
    network: {
      type: "string",
      value: "NAME",
      help: "the network, if several have a lease of the address",
      completion: "network",
    },
    ...VIEW_OPTIONS,
  },
  environment: ["NETCONFPATH"],
  run: (edge, { values, operands }) => {
    const [text = ""] = operands;
    const address = parseAddress(text);
    if (address === undefined) throw new UsageError(`"${text}" is not an IP address`);
    const inventory = takeInventory(edge, { cacheDirectory: values["cache-dir"], network: values.network });
    const view = chooseLease(viewLeases(inventory, edge.isLiving), { address, network: values.network });
    const { lease, reason } = examine(edge, view, address);
    remove(edge, inventory, { view, lease });
    const { network } = view;
    const { containerId, ifname } = lease;
    if (values.json) writeJson(edge, { address: view.address, network, containerId, ifname, reason });
    else edge.writeOut(`${view.address} of ${describeHolder(lease)} on network "${network}": released, ${reason}\n`);
    return undefined;
  },
});

function chooseLease(
  views: readonly LeaseView[],
  { address, network }: { address: Address; network: string | undefined },
): LeaseView {
  const name = formatAddress(address);
  const [found, ...others] = views.filter((view) => view.address === name);
  if (found === undefined) {
    const where = network === undefined ? "" : ` on network "${network}"`;
    throw refusal(`Cannot release ${name}: it is not leased${where}`, "`cnictl leases` lists the leases");
  }
  if (others.length === 0) return found;
  const networks = [found, ...others].map((view) => view.network).join(", ");
  throw new UsageError(`several networks have a lease of ${name}; choose one of ${networks} with --network`);
}

/** The lease as it is now, and why nobody uses it. @throws CniError addressUnavailable if somebody may use it */
function examine(edge: Edge, view: LeaseView, address: Address): { lease: LeaseEntry; reason: string } {
  const name = view.address;
  if (view.state === "resting")
    throw refusal(`Cannot release ${name}: it is released, and rests`, "it is free after that");
  const lease = findLease(view.folder, name);
  if (lease === undefined || lease.text.trim() !== view.lease?.text.trim())
    throw new CniError("tryAgainLater", `Cannot release ${name}: its lease has just changed`);
  if (lease.reclaimable !== undefined) return { lease, reason: lease.reclaimable };
  if (lease.containerId === "") {
    const message = `Cannot release ${name}: its lease names no owner, who may be writing it now`;
    throw new CniError("tryAgainLater", message, { details: "try again in a minute" });
  }
  const { attachment } = view;
  if (
    attachment === undefined ||
    sourcesOf(attachment).length > 1 ||
    namespaceOf(attachment, edge.isLiving) === "alive"
  )
    throw held(view, lease);
  const { places, isComplete } = searchAddress(address);
  const [place] = places;
  const who = describeHolder(lease);
  if (place !== undefined) {
    const where = `${place.link} in ${place.netns} has the address`;
    throw refusal(`Cannot release ${name} of ${who}: ${where}`, "delete that namespace, or the address in it");
  }
  if (!isComplete) throw refusal(`Cannot release ${name} of ${who}: not every network namespace can be examined`, "");
  return { lease, reason: "no network namespace has the address" };
}

function held({ address, network, attachment }: LeaseView, lease: LeaseEntry): CniError {
  const { containerId, ifname } = lease;
  const netns = attachment?.cached?.netns || lease.netns || `/run/netns/${containerId}`;
  const link = ifname === "" ? "" : ` -i ${ifname}`;
  const known = attachment === undefined ? "" : `, known by ${sourcesOf(attachment).join(", ")}`;
  const message = `Cannot release ${address}: ${describeHolder(lease)} on network "${network}" has it${known}`;
  return refusal(message, `detach it with \`cnictl del ${network} ${netns} --container-id ${containerId}${link}\``);
}

function remove(edge: Edge, { folders }: Inventory, { view, lease }: { view: LeaseView; lease: LeaseEntry }): void {
  const { address, folder } = view;
  const releaseDelay = folders.find((each) => each.folder === folder)?.releaseDelay ?? 0;
  const store = { folder, log: (line: string) => edge.writeErr(`${line}\n`) };
  if (releaseLease(store, { name: address, text: lease.text }, releaseDelay)) return;
  throw new CniError("tryAgainLater", `Cannot release ${address}: its lease has just changed`);
}

function describeHolder({ containerId, ifname }: LeaseEntry): string {
  if (containerId === "") return "no owner";
  return ifname === "" ? `container ${containerId}` : `container ${containerId}, interface ${ifname}`;
}

function refusal(message: string, details: string): CniError {
  return new CniError("addressUnavailable", message, { details });
}
