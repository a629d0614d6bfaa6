import { startDelegate } from "../../src/cni/delegate.ts";
import { type Attachment, type Request, validAttachments } from "../../src/cni/request.ts";
import { launch } from "../../src/linux/process.ts";
import { selectStale } from "../../src/netfilter/owner.ts";
import { openNetlink } from "../../src/netlink/socket.ts";
import { endStaleMasquerade } from "../../src/steps/masquerade.ts";
import { deletePorts, listOwnPorts } from "../../src/steps/own-ports.ts";
import { awaitCommands, openRemains, type Remains } from "../../src/steps/remains.ts";
import { runAll } from "../../src/steps/undo.ts";
import { readIpamType } from "./config.ts";
import { removeEmptyBridges } from "./removal.ts";
import { endStaleSpoofChecks } from "./spoof-check.ts";

/**
 * Removes what this network's attachments have left that the runtime does not name as valid: rules, interfaces and, by the IPAM
 * plugin, leases. Without a list nothing is known to be stale, with an empty one everything of this network is. What
 * another network or somebody else made stays, whatever bridge it is on. Runs every step, then throws all that failed.
 */
export function gc(request: Request): void {
  const valid = validAttachments(request);
  runAll([...(valid === undefined ? [] : removals(request, valid)), () => collectLeases(request)]);
}

function removals(request: Request, valid: readonly Attachment[]): readonly (() => void)[] {
  let remains: Remains | undefined;
  return [
    () => awaitCommands(request, selectStale(request.network, valid)),
    () => {
      remains = openRemains();
      endStaleMasquerade(request, remains, valid);
    },
    () => deleteStalePorts(request, valid, remains),
  ];
}

function deleteStalePorts(request: Request, valid: readonly Attachment[], remains: Remains | undefined): void {
  const host = openNetlink();
  const ports = listOwnPorts(host, selectStale(request.network, valid));
  runAll([
    () => {
      deletePorts(host, ports);
      // What checks a port stays as long as there is one.
      if (remains !== undefined) endStaleSpoofChecks(request, remains, valid);
    },
    () => removeEmptyBridges(request, ports),
  ]);
}

/** The IPAM plugin reads the same list. */
function collectLeases(request: Request): void {
  const type = readIpamType(request);
  if (type !== undefined) startDelegate(launch, request, { command: "GC", type }).done();
}
