import fs from "node:fs";
import type { Request } from "../../src/cni/request.ts";
import type { IpConfig, Result } from "../../src/cni/result.ts";
import type { Address } from "../../src/ip/address.ts";
import { allocateAddress, assignRequested } from "./allocator.ts";
import { type Config, parseHostLocal } from "./config.ts";
import { inContext } from "./context.ts";
import { type OpenLeases, openLeases } from "./lease-store.ts";
import { makeFolder, withLock } from "./lock.ts";
import { readResolvConf } from "./resolv-conf.ts";

/** How long ADD waits for others at work on the network, in ms: long under load, well below any runtime's own limit. */
const PATIENCE = 20_000;

/**
 * Takes one address from each range set, all or none, and returns them with their gateways, the configured routes and
 * the resolver settings of `resolvConf`.
 */
export function add(request: Request): Result {
  const config = parseHostLocal(request);
  const dns = config.resolvConf === undefined ? {} : readResolvConf(config.resolvConf);
  const requested = assignRequested(config.sets, config.requested);
  const made = makeFolder(config.folder);
  try {
    const ips = withLock(config.folder, PATIENCE, () => reserveAll(request, config, requested));
    return { interfaces: [], ips, routes: config.routes, dns };
  } catch (error) {
    if (made !== undefined) removeEmpty(config.folder);
    throw error;
  }
}

function reserveAll(
  request: Request,
  config: Config,
  requested: readonly (Address | undefined)[],
): readonly IpConfig[] {
  const { containerId } = request;
  const leases = openLeases({ folder: config.folder, attachment: request, log: request.log });
  const ips: IpConfig[] = [];
  try {
    for (const [setIndex, set] of config.sets.entries()) {
      const demand = { set, setIndex, requested: requested[setIndex], containerId };
      ips.push(inContext(`failed to allocate for range ${setIndex}`, () => allocateAddress(leases, demand)));
    }
    return ips;
  } catch (error) {
    for (const ip of ips) release(leases, ip.address.address, request.log);
    throw error;
  }
}

/** What made ADD fail is what the caller must hear of; a lease that cannot be given back is left to DEL. */
function release(leases: OpenLeases, address: Address, log: (line: string) => void): void {
  try {
    leases.release(address);
  } catch (error) {
    log(error instanceof Error ? error.message : String(error));
  }
}

function removeEmpty(folder: string): void {
  try {
    fs.rmdirSync(folder);
  } catch {
    // Another call has begun to use it.
  }
}
