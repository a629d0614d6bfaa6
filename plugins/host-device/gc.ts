import { type ContainerInterface, type Request, validAttachments } from "../../src/cni/request.ts";
import { ownerKey } from "../../src/netfilter/owner.ts";
import type { Host } from "../../src/steps/host.ts";
import { collectAround } from "../../src/steps/ipam.ts";
import { runAll } from "../../src/steps/undo.ts";
import { readDataDir } from "./config.ts";
import { giveBackRecorded } from "./give-back.ts";
import { listRecords } from "./record.ts";

/**
 * Gives the devices of this network's stale attachments back to the host, and has the IPAM plugin reclaim stale leases. Without a list of
 * valid attachments nothing is stale. Devices that the Go plugin moved are not recorded, so they stay. Runs every step, then throws all
 * errors.
 */
export function gc(request: Request, host: Host): void {
  const valid = validAttachments(request);
  runAll(collectAround(request, host, valid === undefined ? [] : returns(request, host, valid)));
}

function returns(request: Request, host: Host, valid: readonly ContainerInterface[]): readonly (() => void)[] {
  const { network, log } = request;
  const dataDir = readDataDir(request);
  const kept = new Set(valid.map((each) => ownerKey({ ...each, network })));
  return listRecords(dataDir)
    .filter((record) => record.network === network && !kept.has(ownerKey(record)))
    .map((record) => () => giveBackRecorded(host, record, { dataDir, path: record.netns, log }));
}
