import { type Request, validAttachments } from "../../src/cni/request.ts";
import type { Host } from "../../src/steps/host.ts";
import { runAll } from "../../src/steps/undo.ts";
import { readSocket } from "./config.ts";
import { endLease } from "./del.ts";
import { leaseFolder, listLeases } from "./lease-file.ts";
import { removeLease } from "./lease-store.ts";

/** Gives back the leases of the network's stale attachments. Without a list of valid attachments nothing is stale. */
export function gc(request: Request, host: Host): void {
  const valid = validAttachments(request);
  if (valid === undefined) return;
  const folder = leaseFolder(readSocket(request));
  const own = listLeases(folder, request.log).filter(({ record }) => record.network === request.network);
  const stale = own.filter(
    ({ record }) =>
      !valid.some(({ containerId, ifname }) => containerId === record.containerId && ifname === record.ifname),
  );
  // One step: until its lease has been given back, the record stays for the next call.
  const steps = stale.map((stored) => () => {
    endLease(stored, host, { netns: "", log: request.log });
    removeLease(folder, stored.path);
  });
  runAll(steps);
}
