import { type Request, requirePrevResult } from "../../src/cni/request.ts";
import type { IpConfig } from "../../src/cni/result.ts";
import { formatAddress } from "../../src/ip/address.ts";
import type { LinkId } from "../../src/netlink/link/message.ts";
import { listWholeRoutes } from "../../src/netlink/route/whole.ts";
import type { Rtnetlink } from "../../src/netlink/socket.ts";
import { addressesOf } from "../../src/steps/check-addresses.ts";
import { findInterface, openContainer } from "../../src/steps/container.ts";
import { refuseDifferences } from "../../src/steps/differences.ts";
import type { Host } from "../../src/steps/host.ts";
import { findRules } from "../../src/steps/routing-tables.ts";
import { isForSource } from "../../src/steps/source-rule.ts";
import { parseSbrConfig, type SbrConfig } from "./config.ts";

/** Compares the attachment with what ADD made. @throws CniError checkFailed that lists every difference */
export function check(request: Request, host: Host): void {
  const config = parseSbrConfig(request);
  const { ifname, netns } = request;
  const ips = addressesOf(requirePrevResult(request), ifname);
  const container = openContainer(host, netns);
  const link = findInterface(container, ifname);
  if (link === undefined) refuseDifferences([`Interface "${ifname}" in ${netns} is missing`]);
  else refuseDifferences(ips.flatMap((ip) => checkSource(container.netlink, link, { ip, config })));
}

/** An address has a rule, and the rule's table a way out if the address has a gateway. */
function checkSource(
  netlink: Rtnetlink,
  link: LinkId,
  { ip, config }: { ip: IpConfig; config: SbrConfig },
): readonly string[] {
  const { address } = ip.address;
  const { family } = address;
  const rule = findRules(netlink, family).find((each) => isForSource(each, [address]));
  const text = formatAddress(address);
  if (rule === undefined) return [`Address ${text} has no rule that leads it to a table`];
  if (config.table !== undefined) {
    if (rule.table === config.table) return [];
    return [`The rule of address ${text} leads to table ${rule.table}, expected ${config.table}`];
  }
  const gateway = config.gateways[family] ?? ip.gateway;
  const routes = listWholeRoutes(netlink, { family, table: rule.table, index: link.index });
  const isOut = routes.some(({ known }) => known.destination.length === 0);
  if (gateway === undefined || isOut) return [];
  return [`Table ${rule.table} of address ${text} has no default route through "${link.name}"`];
}
