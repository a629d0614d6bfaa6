import { CniError } from "../../src/cni/error.ts";
import { findIpamType, type Request } from "../../src/cni/request.ts";
import type { Result } from "../../src/cni/result.ts";
import { requireIpam } from "../../src/steps/ipam.ts";
import type { IpvlanConfig } from "./config.ts";

/** What an ADD takes from the plugins before it in the list. */
interface Chain {
  readonly master: string | undefined;
  /** Addresses and routes, where there is no IPAM plugin. */
  readonly assigned: Pick<Result, "ips" | "routes"> | undefined;
}

/**
 * Without `master`, the only interface of prevResult is the master. Without IPAM, its addresses and routes are the container's.
 * @throws CniError invalidConfig if neither names a master or addresses
 */
export function readChain(request: Request, { master = "" }: Pick<IpvlanConfig, "master">): Chain {
  const { prevResult } = request;
  const isAssigned = findIpamType(request) === undefined && (prevResult?.ips.length ?? 0) > 0;
  if (!isAssigned) requireIpam(request, 'ipvlan needs "ipam", or the addresses of a plugin before it');
  return {
    master: master === "" && prevResult !== undefined ? onlyInterface(prevResult) : master,
    assigned: isAssigned && prevResult !== undefined ? prevResult : undefined,
  };
}

function onlyInterface({ interfaces }: Result): string {
  const [first, ...others] = interfaces;
  if (first !== undefined && first.name !== "" && others.length === 0) return first.name;
  const found = interfaces.length === 0 ? "none" : interfaces.map(({ name }) => `"${name}"`).join(", ");
  throw new CniError("invalidConfig", "chained master failure. PrevResult lacks a single named interface", {
    details: `found ${found}: set "master"`,
  });
}
