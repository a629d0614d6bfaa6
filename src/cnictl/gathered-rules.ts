import type { Gathering } from "../netfilter/nftables/gathering.ts";
import { NetlinkError } from "../netlink/acknowledgement.ts";
import { openNfnetlink } from "../netlink/socket.ts";

/** Applies the rules of all attachments. False if the kernel refused those of one: then each has to be rebuilt by itself. @throws LinuxError */
export function applyRules(gathering: Gathering): boolean {
  if (gathering.isEmpty) return true;
  const netlink = openNfnetlink();
  try {
    gathering.apply(netlink);
    return true;
  } catch (error) {
    if (error instanceof NetlinkError) return false;
    throw error;
  } finally {
    netlink.close();
  }
}
