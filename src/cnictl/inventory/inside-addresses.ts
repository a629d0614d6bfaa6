import fs from "#fs";
import type { Prefix } from "../../ip/prefix.ts";
import { listAddresses } from "../../netlink/address/list.ts";
import { listLinks } from "../../netlink/link/list.ts";
import { openRtnetlink } from "../../netlink/socket.ts";
import { identityOf } from "../file-identity.ts";

/** The addresses in a network namespace. */
export interface InsideAddresses {
  /** Equal for all paths of one namespace. */
  readonly inode: string;
  readonly addresses: readonly { readonly link: string; readonly prefix: Prefix }[];
}

/** Lists the addresses of all links of a namespace. @throws LinuxError if it cannot be opened */
export function listInsideAddresses(netns: string): InsideAddresses {
  const netlink = openRtnetlink({ netns });
  try {
    const addresses = listLinks(netlink).flatMap((link) =>
      listAddresses(netlink, link).map(({ prefix }) => ({ link: link.name, prefix })),
    );
    return { inode: identityOf(fs.statSync(netns, { bigint: true })), addresses };
  } finally {
    netlink.close();
  }
}
