import { RestoreGathering } from "./iptables/gathering.ts";
import { Gathering } from "./nftables/gathering.ts";

/** Rules of several attachments, held back to be applied together. */
export class RuleGathering {
  readonly nftables = new Gathering();
  readonly iptables = new RestoreGathering();
}
