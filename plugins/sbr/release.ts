import type { Address } from "../../src/ip/address.ts";
import { findHolders, listAddresses } from "../../src/netlink/address/list.ts";
import type { LinkId } from "../../src/netlink/link/message.ts";
import { RT_TABLE } from "../../src/netlink/route/header.ts";
import {
  addWholeRoute,
  deleteWholeRoute,
  inTable,
  listWholeRoutes,
  onLinkFirst,
  UNFIT,
  type WholeRoute,
} from "../../src/netlink/route/whole.ts";
import { deleteRule } from "../../src/netlink/rule/change.ts";
import type { PolicyRule } from "../../src/netlink/rule/message.ts";
import type { Rtnetlink } from "../../src/netlink/socket.ts";
import { ERRNO } from "../../src/platform/errno.ts";
import { ignoring } from "../../src/platform/outcome.ts";
import { findRules } from "../../src/steps/routing-tables.ts";
import { isForSource, PRIORITY, PROTOCOL } from "../../src/steps/source-rule.ts";
import { runAll } from "../../src/steps/undo.ts";

/**
 * The most rules of a family that one call deletes. An interface has one for each of its addresses; a container that made thousands of
 * its own keeps the rest until its namespace ends.
 */
const MOST_RULES = 100;

/**
 * Deletes the rules of an interface's addresses, and gives the routes of their tables back to main. `addresses` are those that ADD was
 * told; undefined if that is not known: then those that the interface has, or if it is gone, those of our rules that no link has. Nothing
 * to delete is success. Runs every step, then throws all errors.
 */
export function release(netlink: Rtnetlink, link: LinkId | undefined, addresses: readonly Address[] | undefined): void {
  const isMeant = chooseRules(netlink, link, addresses);
  runAll(
    ([4, 6] as const).flatMap((family) => [
      ...findRules(netlink, family)
        .filter(isMeant)
        .slice(0, MOST_RULES)
        .map((rule) => () => releaseRule(netlink, link, rule)),
      () => link && deleteHints(netlink, link, family),
    ]),
  );
}

function chooseRules(
  netlink: Rtnetlink,
  link: LinkId | undefined,
  addresses: readonly Address[] | undefined,
): (rule: PolicyRule) => boolean {
  const known = addresses ?? (link && listAddresses(netlink, link).map(({ prefix }) => prefix.address));
  if (known !== undefined) return (rule) => isForSource(rule, known);
  return (rule) => {
    const { source, protocol } = rule;
    if (protocol !== PROTOCOL || source === undefined || !isForSource(rule, [source.address])) return false;
    return findHolders(netlink, source.address).length === 0;
  };
}

/** The rule goes last: a call that is killed before leaves it for the next one to find. */
function releaseRule(netlink: Rtnetlink, link: LinkId | undefined, rule: PolicyRule): void {
  const { source, table, priority, protocol } = rule;
  if (source === undefined) return;
  const isChosen = protocol === PROTOCOL && priority === PRIORITY.chosen;
  if (isChosen && link !== undefined) returnRoutes(netlink, link, rule);
  ignoring([ERRNO.ENOENT], () => deleteRule(netlink, { source, table, priority, protocol }));
}

function returnRoutes(netlink: Rtnetlink, { index }: LinkId, { family, table }: PolicyRule): void {
  const routes = onLinkFirst(listWholeRoutes(netlink, { family, table, index }));
  // If one cannot be given back, all stay, with their rule, for the next call.
  for (const route of routes.filter(isMoved))
    ignoring(UNFIT, () => addWholeRoute(netlink, inTable(route, RT_TABLE.MAIN)));
  for (const route of routes.toReversed()) deleteWholeRoute(netlink, route);
}

/** Whether a route was in main before. */
function isMoved({ known }: WholeRoute): boolean {
  return known.protocol !== PROTOCOL;
}

/** Deletes the routes of main that ADD added for `addSourceHints`. */
function deleteHints(netlink: Rtnetlink, { index }: LinkId, family: 4 | 6): void {
  for (const route of listWholeRoutes(netlink, { family, table: RT_TABLE.MAIN, index }))
    if (!isMoved(route)) deleteWholeRoute(netlink, route);
}
