import fs from "#fs";
import type { Request } from "../../src/cni/request.ts";
import type { IpConfig, Result } from "../../src/cni/result.ts";
import { type Address, formatAddress } from "../../src/ip/address.ts";
import { excludesGateway, formatPrefix, network } from "../../src/ip/prefix.ts";
import { ifPossible } from "../../src/platform/outcome.ts";
import { allocateAddress, assignHeld, assignRequested } from "./allocator.ts";
import { type Config, parseHostLocal } from "./config.ts";
import { inContext } from "./context.ts";
import { storeOf, withOpenFolder } from "./exclusive.ts";
import { type OpenBook, openBook } from "./lease-book.ts";
import { makeFolder } from "./lock.ts";
import { readResolvConf } from "./resolv-conf.ts";

/** How long ADD waits for other calls on the network, in ms: enough under load, and well below any runtime's timeout. */
const PATIENCE = 20_000;

/**
 * Assigns one address from each range set, all or none. Returns them with their gateways, the configured routes and the DNS settings of
 * `resolvConf`.
 */
export function add(request: Request): Result {
  const config = parseHostLocal(request);
  const dns = config.resolvConf === undefined ? {} : readResolvConf(config.resolvConf);
  const requested = assignRequested(config.sets, config.requested);
  const made = makeFolder(config.folder);
  try {
    const ips = withOpenFolder(storeOf(request, config), PATIENCE, (open) => {
      const { netns } = request;
      const book = openBook(open, { attachment: request, netns, releaseDelay: config.releaseDelay });
      return reserveAll(book, config, { requested, containerId: request.containerId });
    });
    for (const ip of ips) reportOutside(request, ip);
    return { interfaces: [], ips, routes: config.routes, dns };
  } catch (error) {
    if (made !== undefined) removeUnused(config.folder);
    throw error;
  }
}

/** Logs that the configured gateway is in no network of the container. The kernel takes such an address. */
function reportOutside({ network: name, log }: Request, { address, gateway }: IpConfig): void {
  if (gateway === undefined || !excludesGateway(address, gateway)) return;
  const subnet = formatPrefix(network(address));
  log(
    `Gateway ${formatAddress(gateway)} of network "${name}" is outside its subnet ${subnet}: containers cannot reach it`,
  );
}

interface Wishes {
  /** One entry for each set. */
  readonly requested: readonly (Address | undefined)[];
  readonly containerId: string;
}

function reserveAll(book: OpenBook, { sets }: Config, { requested, containerId }: Wishes): readonly IpConfig[] {
  const held = assignHeld(sets, book.held);
  try {
    return sets.map((set, setIndex) => {
      const demand = { set, setIndex, requested: requested[setIndex], held: held[setIndex], containerId };
      return inContext(`failed to allocate for range ${setIndex}`, () => allocateAddress(book, demand));
    });
  } catch (error) {
    book.undo();
    throw error;
  }
}

/** Deletes the folder that this call created, unless another call uses it already. A part of it may never have been created. */
function removeUnused(folder: string): void {
  ifPossible(() => fs.unlinkSync(`${folder}/.state/boot`));
  for (const each of [".state/attachments", ".state", ""]) ifPossible(() => fs.rmdirSync(`${folder}/${each}`));
}
