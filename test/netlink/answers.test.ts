import { describe, expect, test, vi } from "vitest";
import { NetlinkError } from "../../src/netlink/acknowledgement.ts";
import type { NetlinkRequest } from "../../src/netlink/answers.ts";
import { askUntilWhole, collectAnswers } from "../../src/netlink/answers.ts";
import type { Message } from "../../src/netlink/message.ts";
import { decodeMessages, NLM_F, NLMSG } from "../../src/netlink/message.ts";
import { libc } from "../../src/platform/libc.ts";
import { bytesOf, captured, capturedBytes } from "./captured.ts";

const request = (action: string, flags: number): NetlinkRequest => ({
  type: 16,
  flags,
  payload: new Uint8Array(),
  action,
});

const verdict = (sequence: number, errno: number): Message => ({
  type: NLMSG.ERROR,
  flags: NLM_F.CAPPED,
  sequence,
  port: 0,
  payload: new Uint8Array(new Int32Array([-errno]).buffer),
});

const object = (sequence: number, flags = 0): Message => ({
  type: 20,
  flags,
  sequence,
  port: 0,
  payload: bytesOf("01"),
});

/** Datagram by datagram; more would be waited for in vain. */
function receiver(datagrams: readonly (readonly Message[])[]): () => readonly Message[] {
  const left = [...datagrams];
  return () => left.shift() ?? expect.fail("nothing more was to be received");
}

const all = () => true;

describe("collectAnswers()", () => {
  test("waits for the acknowledgement", () => {
    const receive = receiver([[verdict(1, 0)]]);

    expect(collectAnswers(new Map([[1, request("add", NLM_F.ACK)]]), { awaited: all, receive })).toEqual({
      messages: [],
      interrupted: false,
    });
  });

  test("tells a request of its verdict, also of one that is expected", () => {
    const heard: number[] = [];
    const hear = ({ errno }: { errno: number }) => heard.push(errno);
    const requests = new Map([
      [1, { ...request("add", NLM_F.ACK), hear }],
      [2, { ...request("get", 0), expected: [19], hear }],
    ]);
    collectAnswers(requests, { awaited: all, receive: receiver([[verdict(1, 0), verdict(2, 19)]]) });
    expect(heard).toEqual([0, 19]);
  });

  test("takes a refusal that says that there is no such object for an answer of none", () => {
    const requests = new Map([[1, { ...request("get", 0), expected: [19] }]]);

    expect(collectAnswers(requests, { awaited: all, receive: receiver([[verdict(1, 19)]]) }).messages).toEqual([]);
    const other = receiver([[verdict(1, 1)]]);
    expect(() => collectAnswers(requests, { awaited: all, receive: other })).toThrow(
      "Cannot get: Operation not permitted",
    );
  });

  test("takes one object for the whole answer to a request without acknowledgement", () => {
    const receive = receiver([[object(1)]]);

    expect(collectAnswers(new Map([[1, request("get", 0)]]), { awaited: all, receive }).messages).toEqual([object(1)]);
  });

  test("reads a list of the kernel's to its end", () => {
    const datagrams = capturedBytes("list-addresses", "received")
      .slice(2)
      .map((bytes) => decodeMessages(bytes));
    const sequence = captured("list-addresses", "received", 20)[0]?.sequence ?? 0;
    const requests = new Map([[sequence, request("list", NLM_F.DUMP)]]);

    const { messages, interrupted } = collectAnswers(requests, { awaited: all, receive: receiver(datagrams) });

    expect(messages.map(({ type }) => type)).toEqual([20, 20, 20, 20]);
    expect(interrupted).toBe(false);
  });

  test("tells that a list was interrupted", () => {
    const end: Message = { ...verdict(1, 0), type: NLMSG.DONE, flags: NLM_F.MULTI | NLM_F.DUMP_INTR };
    const receive = receiver([[object(1, NLM_F.MULTI)], [end]]);

    expect(collectAnswers(new Map([[1, request("list", NLM_F.DUMP)]]), { awaited: all, receive }).interrupted).toBe(
      true,
    );
  });

  test("passes over leftovers of earlier requests", () => {
    const receive = receiver([[verdict(1, 17)], [object(2)], [verdict(3, 0)]]);

    expect(collectAnswers(new Map([[3, request("add", NLM_F.ACK)]]), { awaited: all, receive }).messages).toEqual([]);
  });

  test("throws the refusal in the words of the request refused", () => {
    const requests = new Map([
      [1, request("add table", NLM_F.ACK)],
      [2, request("add chain", NLM_F.ACK)],
    ]);
    const receive = receiver([[verdict(1, 0)], [verdict(2, 17)]]);

    expect(() => collectAnswers(requests, { awaited: all, receive })).toThrow(
      new NetlinkError("add chain", { errno: 17 }),
    );
  });

  test("throws the refusal of a request that nobody awaits", () => {
    const requests = new Map([
      [1, request("begin", 0)],
      [2, request("add table", NLM_F.ACK)],
    ]);
    const awaited = ({ flags }: NetlinkRequest) => flags === NLM_F.ACK;
    const receive = receiver([[verdict(1, 1)]]);

    expect(() => collectAnswers(requests, { awaited, receive })).toThrow("Cannot begin: Operation not permitted");
  });

  test("throws the failure that ends a list", () => {
    const end: Message = { ...verdict(1, 19), type: NLMSG.DONE, flags: NLM_F.MULTI };
    const receive = receiver([[end]]);

    expect(() => collectAnswers(new Map([[1, request("list", NLM_F.DUMP)]]), { awaited: all, receive })).toThrow(
      "Cannot list: No such device",
    );
  });
});

describe("askUntilWhole()", () => {
  const list = request("list the ports", NLM_F.DUMP);

  test("asks again for a list that was interrupted", () => {
    let asked = 0;
    const ask = () => ({ messages: [object(++asked)], interrupted: asked < 3 });

    expect(askUntilWhole(list, ask)).toEqual([object(3)]);
  });

  test("throws EAGAIN after 20 times, with pauses from the third on", () => {
    const pauses: number[] = [];
    const poll = vi.spyOn(libc().functions, "poll").mockImplementation(() => pauses.push(asked));
    let asked = 0;
    const ask = () => {
      asked++;
      return { messages: [], interrupted: true };
    };

    expect(() => askUntilWhole(list, ask)).toThrow(
      expect.objectContaining({
        code: "EAGAIN",
        syscall: "recvfrom",
        message: "Cannot list the ports: the list changed during each of 20 attempts to read it",
      }),
    );
    expect(asked).toBe(20);
    expect(pauses).toEqual(Array.from({ length: 18 }, (_, index) => index + 3));
    poll.mockRestore();
  });
});
