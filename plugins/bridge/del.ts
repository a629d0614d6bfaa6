import type { Request } from "../../src/cni/request.ts";
import { selectOwner } from "../../src/netfilter/owner.ts";
import type { Link } from "../../src/netlink/link/message.ts";
import { beginDeparture, type Departure } from "../../src/steps/departure.ts";
import type { Host } from "../../src/steps/host.ts";
import { holdRelease, type Release } from "../../src/steps/ipam.ts";
import { endMasquerade } from "../../src/steps/masquerade/masquerade.ts";
import { awaitCommands, openRemains, type Remains } from "../../src/steps/remains.ts";
import { runAll } from "../../src/steps/undo.ts";
import { removeEmptyBridges } from "./removal.ts";
import { endSpoofCheck } from "./spoof/guard.ts";

/**
 * Detaches a container: deletes its interface and its masquerade rules, and releases its lease. Works without the namespace, without
 * prevResult, after the configuration has changed, and repeatedly. Runs every step, then throws all errors.
 * The interface and the rules are deleted before the address is released, so that nobody else gets an address in use. Other work is done
 * while the kernel deletes the interface.
 */
export function del(request: Request, host: Host): void {
  let lease: Release | undefined;
  let remains: Remains | undefined;
  let departure: Departure | undefined;
  let gone: readonly Link[] | undefined;
  runAll([
    () => {
      lease = holdRelease(request, host);
    },
    () => awaitCommands(request, selectOwner(request)),
    () => {
      remains = openRemains(host);
    },
    () => lease?.beforeInterface(),
    () => {
      departure = beginDeparture(request, host, remains?.socket);
    },
    () => remains && endMasquerade(request, remains),
    () => {
      departure?.untilGone();
      gone = departure?.ports;
    },
    () => (gone === undefined ? lease?.keep() : lease?.afterInterface()),
    // The checks of a port stay as long as the port exists.
    () => gone && remains && endSpoofCheck(request, remains),
    () => removeEmptyBridges(request, host, gone),
    () => departure?.leave(),
  ]);
}
