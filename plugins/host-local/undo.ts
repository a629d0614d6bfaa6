import type { Request } from "../../src/cni/request.ts";
import type { Result } from "../../src/cni/result.ts";
import { parseRelease } from "./config.ts";
import { storeOf } from "./exclusive.ts";
import { releaseAddresses } from "./release.ts";

/**
 * Releases what an ADD reserved, and nothing else. The caller was usually killed, and its successor may have run DEL and ADD for this
 * attachment by now.
 */
export function undo(request: Request, { ips }: Result): void {
  const addresses = ips.map(({ address }) => address.address);
  releaseAddresses(storeOf(request, parseRelease(request)), request, addresses);
}
