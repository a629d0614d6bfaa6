import { NetlinkError } from "../../src/netlink/acknowledgement.ts";
import type { NetlinkRequest } from "../../src/netlink/answers.ts";
import type { Message } from "../../src/netlink/message.ts";
import type { Nfnetlink } from "../../src/netlink/socket.ts";

/** A socket whose kernel is two functions; `transact` gets the datagrams, `request` answers the questions. */
export function fakeNetlink(kernel: {
  request?: (request: NetlinkRequest) => readonly Message[];
  transact?: (requests: readonly NetlinkRequest[]) => void;
}): Nfnetlink {
  const unexpected = (what: string) => () => {
    throw new Error(`Nothing was expected to call ${what}`);
  };
  return {
    protocol: "netfilter",
    fd: -1,
    request: kernel.request ?? unexpected("request"),
    transact: (requests) => {
      (kernel.transact ?? unexpected("transact"))(requests);
      return [];
    },
    begin: unexpected("begin"),
    ask: unexpected("ask"),
    hasIndex: unexpected("hasIndex"),
    listen: unexpected("listen"),
    close: () => {},
  };
}

/** The same socket, and what the transactions through it do, in words. */
export function watchTransactions(netlink: Nfnetlink): {
  watched: Nfnetlink;
  actions: readonly (string | undefined)[];
} {
  const actions: (string | undefined)[] = [];
  const transact: Nfnetlink["transact"] = (requests) => {
    actions.push(requests[0]?.action);
    return netlink.transact(requests);
  };
  return { watched: { ...netlink, transact }, actions };
}

/** The kernel's answer to NFT_MSG_GETGEN: struct nfgenmsg, then NFTA_GEN_ID. */
export function generation(id: number): Message {
  const payload = Buffer.from([0, 0, 0, 0, 8, 0, 1, 0, 0, 0, 0, 0]);
  payload.writeUInt32BE(id, 8);
  return { type: 0xa0f, flags: 0, sequence: 1, port: 0, payload };
}

/** A socket whose kernel refuses each transaction as a whole, before its first change. */
export function refusingNetlink(errno: number): Nfnetlink {
  return fakeNetlink({
    transact: ([begin]) => {
      throw new NetlinkError(begin?.action ?? "", { errno });
    },
  });
}
