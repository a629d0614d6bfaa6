import { NetlinkError } from "../../src/netlink/acknowledgement.ts";
import type { NetlinkRequest } from "../../src/netlink/answers.ts";
import type { Message } from "../../src/netlink/message.ts";
import type { Pending } from "../../src/netlink/pending.ts";
import type { Events, Netlink } from "../../src/netlink/socket.ts";
import { ERRNO } from "../../src/platform/errno.ts";

/**
 * A socket whose kernel answers requests from a function, and tells of events from a list; `requests` is what it was asked. Like the real
 * one, it drops what a request does not keep.
 */
export class FakeNetlink implements Netlink<never> {
  /** Of whichever protocol is needed. */
  declare readonly protocol: never;
  readonly fd = -1;
  readonly requests: NetlinkRequest[] = [];
  readonly groups: number[] = [];
  /** How many listeners are open. */
  listening = 0;
  /** What ioctl(2) says about an interface: that there is none, unless a test has something else. */
  ask: Netlink["ask"] = () => ({ errno: ERRNO.ENODEV, data: new Uint8Array(24) });
  /** Whether there is an interface of an index: none, unless a test has some. */
  hasIndex: Netlink["hasIndex"] = () => false;
  readonly #answer: (request: NetlinkRequest) => readonly Message[];
  readonly #events: (readonly Message[] | undefined)[];

  constructor(
    answer: (request: NetlinkRequest) => readonly Message[] = () => [],
    events: readonly (readonly Message[] | undefined)[] = [],
  ) {
    this.#answer = answer;
    this.#events = [...events];
  }

  /** The only request so far. */
  get onlyRequest(): NetlinkRequest {
    const [request, ...more] = this.requests;
    if (request === undefined || more.length > 0)
      throw new Error(`Expected one request, found ${this.requests.length}`);
    return request;
  }

  request = (request: NetlinkRequest): readonly Message[] => {
    this.requests.push(request);
    try {
      return this.#answer(request).filter(({ payload }) => request.keep?.(payload) ?? true);
    } catch (error) {
      if (error instanceof NetlinkError && request.expected?.includes(error.errno)) return [];
      throw error;
    }
  };

  transact = (requests: readonly NetlinkRequest[]): readonly Message[] =>
    requests.flatMap((request) => this.request(request));

  begin = (request: NetlinkRequest): Pending => {
    this.requests.push(request);
    const finish = () => void this.#answer(request);
    return { isAnswered: () => true, finish, leave: finish };
  };

  listen = (group: number): Events => {
    this.groups.push(group);
    this.listening++;
    return {
      next: () => this.#events.shift(),
      close: () => {
        this.listening--;
      },
    };
  };

  close = (): void => {};
}
