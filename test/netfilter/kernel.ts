import type { Request } from "../../src/netlink/answers.ts";
import type { Message } from "../../src/netlink/message.ts";
import type { Netlink } from "../../src/netlink/socket.ts";

/** A socket whose kernel is two functions; `transact` gets the datagrams, `request` answers the questions. */
export function fakeNetlink(kernel: {
  request?: (request: Request) => readonly Message[];
  transact?: (requests: readonly Request[]) => void;
}): Netlink {
  const unexpected = (what: string) => () => {
    throw new Error(`Nothing was expected to call ${what}`);
  };
  return {
    fd: -1,
    request: kernel.request ?? unexpected("request"),
    transact: (requests) => {
      (kernel.transact ?? unexpected("transact"))(requests);
      return [];
    },
    begin: unexpected("begin"),
    ask: unexpected("ask"),
    listen: unexpected("listen"),
    close: () => {},
  };
}
