import { ADDRESS_BITS, type Address, formatAddress } from "../../ip/address.ts";
import { findLink } from "../../netlink/link/get.ts";
import { listPorts } from "../../netlink/link/list.ts";
import { RT_TABLE, RTN } from "../../netlink/route/header.ts";
import { listRoutesWithin } from "../../netlink/route/list.ts";
import type { Rtnetlink } from "../../netlink/socket.ts";
import { type Check, type Examination, orCannotTell } from "./examination.ts";
import type { Found } from "./finding.ts";
import { fileOf } from "./gateways.ts";
import { type BridgeNeeds, needsOf } from "./needs.ts";

/** Gateways of default routes that ADD gives to nobody: of a bridge without `isGateway`. */
export const wayOutCheck: Check = {
  name: "gateway",
  run: (examination) =>
    examination.networks
      .map(needsOf)
      .flatMap(({ name, bridges }) =>
        bridges.flatMap((bridge) =>
          orCannotTell(name, () =>
            bridge.foreignGateways.map((gateway) => judge(examination, { name, bridge, gateway })),
          ),
        ),
      ),
};

interface WayOut {
  /** The network. */
  readonly name: string;
  readonly bridge: BridgeNeeds;
  readonly gateway: Address;
}

function judge(examination: Examination, { name, bridge, gateway }: WayOut): Found {
  const owner = findOwner(examination, bridge, gateway);
  const address = formatAddress(gateway);
  if (owner !== undefined) return { level: "ok", subject: name, message: `gateway ${address}: ${owner}` };
  const message = `nobody has the gateway's address ${address}: containers on bridge ${bridge.bridge} have no way out`;
  const file = fileOf(examination, name);
  const cure = `set "isGateway" to true in ${file}, or give a router on the bridge that address`;
  return { level: "warning", subject: name, message, cure };
}

/** Who has the gateway's address, or may have it; undefined if nobody can. */
function findOwner(
  { host: { netlink }, inventory }: Examination,
  { bridge }: BridgeNeeds,
  gateway: Address,
): string | undefined {
  if (isLocal(netlink, gateway)) return "the host has it";
  const { attachments } = inventory();
  const text = formatAddress(gateway);
  const isThere = attachments.some(({ cached }) => cached?.addresses.some((each) => each.startsWith(`${text}/`)));
  if (isThere) return "a container has it";
  const link = findLink(netlink, bridge);
  const own = new Set(
    attachments.flatMap(({ cached, links }) => [...(cached?.hostLinks ?? []), ...links.map(({ name }) => name)]),
  );
  const uplink = link && listPorts(netlink, link).find(({ name }) => !own.has(name));
  return uplink && `it may be behind link "${uplink.name}"`;
}

function isLocal(netlink: Rtnetlink, address: Address): boolean {
  const routes = listRoutesWithin(
    netlink,
    { address, length: ADDRESS_BITS[address.family] },
    { table: RT_TABLE.LOCAL },
  );
  return routes.some(({ type }) => type === RTN.LOCAL);
}
