import type { RuleGathering } from "../netfilter/rule-gathering.ts";
import type { Host } from "./host.ts";

/** The host, whose changes of rules are held back in `gathering`. Without one it is the host itself. */
export function gatherRules(host: Host, gathering: RuleGathering | undefined): Host {
  if (gathering === undefined) return host;
  const { nftables, iptables } = gathering;
  // All else is the host's own: it opens its sockets when they are first used.
  return Object.create(host, {
    openNetfilter: { value: () => nftables.through(host.openNetfilter()) },
    restores: { value: iptables },
  });
}
