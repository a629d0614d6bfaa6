import { discard } from "../linux/discard.ts";
import { openNetns } from "../linux/netns.ts";
import { eachContainerNamespace } from "../linux/netns-list.ts";
import { openRtnetlink, type Rtnetlink } from "../netlink/socket.ts";
import { LinuxError } from "../platform/errno.ts";
import { ignoring } from "../platform/outcome.ts";

/** What Host.findInNamespaces() is on this machine. It takes a call for each process. */
export function findInNamespaces<T>(find: (netlink: Rtnetlink) => T | undefined): T | undefined {
  for (const path of eachContainerNamespace()) {
    const netlink = openIn(path);
    try {
      const found = netlink && find(netlink);
      if (found !== undefined) return found;
    } finally {
      netlink?.close();
    }
  }
  return undefined;
}

/** Undefined if the namespace has ended since, or cannot be entered. */
function openIn(path: string): Rtnetlink | undefined {
  return ignoring([LinuxError], () => {
    const netns = openNetns(path);
    try {
      return openRtnetlink({ netns });
    } finally {
      discard(netns);
    }
  });
}
