import type { Identity } from "../../src/dhcp/question.ts";
import type { Link } from "../../src/netlink/link/message.ts";

/**
 * Who the client is on a link. An ipvlan has the MAC of its master, which an answer to that MAC would reach: servers have to broadcast
 * theirs.
 */
export function identity4(client: Omit<Identity, "mac">, { kind, mac }: Pick<Link, "kind" | "mac">): Identity {
  return { ...client, mac, broadcast: client.broadcast || kind === "ipvlan" };
}
