import { type Address, type Family, formatAddress } from "../../src/ip/address.ts";
import { listAddresses, listAllAddresses } from "../../src/netlink/address/list.ts";
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

/** The most routes of a family that one call moves or deletes. IPAM gives an interface a few; a container may have made any number. */
const MOST_ROUTES = 1000;

/**
 * Deletes the rules of an interface's addresses, and gives the routes of their tables back to main. `addresses` are those that ADD was
 * told; undefined if that is not known: then those that the interface has, or if it is gone, those of our rules that no link has. Nothing
 * to delete is success. Runs every step, then throws all errors.
 */
export function release(netlink: Rtnetlink, link: LinkId | undefined, addresses: readonly Address[] | undefined): void {
  runAll(
    ([4, 6] as const).flatMap((family) => {
      const work = { netlink, link, family, left: MOST_ROUTES };
      return [
        ...findRules(netlink, family)
          .filter(chooseRules(work, addresses))
          .slice(0, Math.max(MOST_RULES, addresses?.length ?? 0))
          .map((rule) => () => releaseRule(work, rule)),
        () => deleteHints(work),
      ];
    }),
  );
}

/** The work on one family. */
interface Work {
  readonly netlink: Rtnetlink;
  readonly link: LinkId | undefined;
  readonly family: Family;
  /** How many routes may still be moved or deleted. */
  left: number;
}

function chooseRules(
  { netlink, link, family }: Work,
  addresses: readonly Address[] | undefined,
): (rule: PolicyRule) => boolean {
  const known = addresses ?? (link && listAddresses(netlink, link).map(({ prefix }) => prefix.address));
  if (known !== undefined) return (rule) => isForSource(rule, known);
  const held = new Set(listAllAddresses(netlink, family).map(({ prefix }) => formatAddress(prefix.address)));
  return (rule) => {
    const { source, protocol } = rule;
    if (protocol !== PROTOCOL || source === undefined || !isForSource(rule, [source.address])) return false;
    return !held.has(formatAddress(source.address));
  };
}

/** The rule goes last: a call that is killed before leaves it for the next one to find. */
function releaseRule(work: Work, rule: PolicyRule): void {
  const { source, table, priority, protocol } = rule;
  if (source === undefined) return;
  const isChosen = protocol === PROTOCOL && priority === PRIORITY.chosen;
  if (isChosen) returnRoutes(work, table);
  ignoring([ERRNO.ENOENT], () => deleteRule(work.netlink, { source, table, priority, protocol }));
}

function returnRoutes(work: Work, table: number): void {
  const { netlink } = work;
  const routes = onLinkFirst(takeRoutes(work, table));
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
function deleteHints(work: Work): void {
  for (const route of takeRoutes(work, RT_TABLE.MAIN, PROTOCOL)) deleteWholeRoute(work.netlink, route);
}

/** The interface's routes of a table, as many as may still be changed. */
function takeRoutes(work: Work, table: number, protocol?: number): readonly WholeRoute[] {
  const { netlink, link, family, left } = work;
  if (link === undefined || left === 0) return [];
  const routes = listWholeRoutes(netlink, { family, table, index: link.index, protocol, most: left });
  work.left -= routes.length;
  return routes;
}
