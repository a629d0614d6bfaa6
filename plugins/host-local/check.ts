import fs from "#fs";
import { CniError } from "../../src/cni/error.ts";
import type { Request } from "../../src/cni/request.ts";
import { formatAddress } from "../../src/ip/address.ts";
import { findBoot } from "../../src/linux/boot-id.ts";
import { type Config, parseHostLocal } from "./config.ts";
import { storeOf, withFolder } from "./exclusive.ts";
import type { Lease } from "./lease.ts";
import { findLeases } from "./lease-folder.ts";
import { isIndexComplete } from "./lease-index.ts";
import { findPlace } from "./range-set.ts";

/** How long CHECK waits for other calls on the folder, in ms. After that it reads all leases. */
const PATIENCE = 2000;

/** Succeeds if the attachment has a lease, and one for each address in prevResult that is in its range sets. */
export function check(request: Request): void {
  const config = parseHostLocal(request);
  const leases = readOwn(request, config);
  if (leases.length === 0) throw notFound(request, config);
  const names = new Set(leases.map(({ name }) => name));
  const addresses = (request.prevResult?.ips ?? []).map((ip) => ip.address.address);
  const expected = addresses.filter((address) => findPlace(config.sets, address) !== undefined).map(formatAddress);
  const missing = expected.filter((name) => !names.has(name));
  if (missing.length === 0) return;
  throw new CniError("checkFailed", `host-local: Cannot find the lease of ${missing.join(", ")}`, {
    details: `prevResult has ${expected.join(", ")}; leased to container ${request.containerId}, interface ${request.ifname}: ${[...names].join(", ")}`,
  });
}

function readOwn(request: Request, { folder }: Config): readonly Lease[] {
  if (isIndexComplete(folder, findBoot())) return findLeases(folder, request, { isIndexed: true });
  // An existing index may only be in use. A missing one is left for ADD to create.
  if (!fs.existsSync(`${folder}/.state`)) return findLeases(folder, request, { isIndexed: false });
  return withFolder(storeOf(request, { folder }), PATIENCE, ({ index }) =>
    findLeases(folder, request, { isIndexed: index !== "none" }),
  );
}

function notFound(request: Request, { folder }: Config): CniError {
  const message = `host-local: Failed to find address added by container ${request.containerId}`;
  return new CniError("checkFailed", message, {
    details: `no file in "${folder}" names it with interface ${request.ifname}`,
  });
}
