import type { Link, LinkId } from "../../src/netlink/link/message.ts";
import type { Host } from "../../src/steps/host.ts";
import type { Defer } from "../../src/steps/undo.ts";
import { listOtherPorts } from "./bridge-link.ts";
import type { BridgeConfig } from "./config.ts";
import type { Gateway } from "./gateway-address.ts";
import { ensureVlanGateway, listVlanOthers } from "./vlan-gateway.ts";

/** Ensures the host's interface in the container's network: the bridge, or with `vlan` a link in that VLAN, created if it is missing. */
export function ensureGateway(
  host: Host,
  { config, bridge, port }: { config: BridgeConfig; bridge: Link; port: LinkId },
  defer: Defer,
): Gateway {
  if (config.vlanGateway === undefined) return { link: bridge, listOthers: () => listOtherPorts(host, bridge, port) };
  const membership = { bridge, name: config.vlanGateway, port, config };
  const link = ensureVlanGateway(host, membership, defer);
  return { link, listOthers: () => listVlanOthers(host, membership) };
}
