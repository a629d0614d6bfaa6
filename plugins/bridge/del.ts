import * as z from "zod/mini";
import { parseConfig } from "../../src/cni/config.ts";
import { startDelegate } from "../../src/cni/delegate.ts";
import type { Request } from "../../src/cni/request.ts";
import { launch } from "../../src/linux/process.ts";
import { type Netlink, openNetlink } from "../../src/netlink/socket.ts";
import { keepBridgeMac } from "../../src/steps/bridge.ts";
import { type Container, findContainer } from "../../src/steps/container.ts";
import { endMasquerade } from "../../src/steps/masquerade.ts";
import { runAll } from "../../src/steps/undo.ts";
import { deleteLinkIfThere } from "../../src/steps/veth.ts";

/**
 * Detaches a container: its masquerade rules, its interface and its lease. Works without the namespace, without
 * prevResult, after a configuration that has changed since ADD, and again and again. Runs every step, then throws all that failed.
 */
export function del(request: Request): void {
  const type = readIpamType(request);
  const container = findContainer(request.netns);
  runAll([
    // Before the address can be another container's.
    () => endMasquerade(request),
    () => detach(request, container, type),
  ]);
}

/** The interface goes before its address is free; meanwhile the IPAM plugin starts, and waits for its input. */
function detach(request: Request, container: Container | undefined, type: string | undefined): void {
  const ipam = type === undefined ? undefined : startDelegate(launch, request, { command: "DEL", type, held: true });
  try {
    if (container !== undefined) deleteInterface(openNetlink(), container, request.ifname);
  } catch (error) {
    ipam?.abandon();
    throw error;
  }
  ipam?.done();
}

function deleteInterface(host: Netlink, container: Container, ifname: string): void {
  keepBridgeMac(host, container.netlink, ifname);
  deleteLinkIfThere(container.netlink, ifname);
}

/** All that DEL needs of the configuration: what else is in it may be wrong by now. */
function readIpamType(request: Request): string | undefined {
  const schema = z.object({ ipam: z.optional(z.object({ type: z.optional(z.string()) })) });
  const type = parseConfig(schema, request.config).ipam?.type;
  return type === "" ? undefined : type;
}
