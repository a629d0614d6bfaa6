import type { Gathering } from "../netfilter/nftables/gathering.ts";
import type { Host } from "./host.ts";

/** The host, whose transactions of nf_tables are held back in `gathering`. Without one it is the host itself. */
export function gatherRules(host: Host, gathering: Gathering | undefined): Host {
  if (gathering === undefined) return host;
  // All else is the host's own: it opens its sockets when they are first used.
  return Object.create(host, { openNetfilter: { value: () => gathering.through(host.openNetfilter()) } });
}
