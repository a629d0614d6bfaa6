import fs from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { AF, openSocket, receiveDatagram, SOCK } from "../../src/linux/socket.ts";
import { NetlinkError } from "../../src/netlink/acknowledgement.ts";
import { collectAnswers } from "../../src/netlink/answers.ts";
import { decodeMessages, encodeMessages, type Message, NLM_F } from "../../src/netlink/message.ts";
import { begin } from "../../src/netlink/pending.ts";
import { RTM } from "../../src/netlink/rtnetlink.ts";

/** RTM_GETLINK of an index, with an acknowledgement: the kernel answers whoever asks. */
function requestFor(index: number) {
  const payload = new Uint8Array(16);
  new DataView(payload.buffer).setInt32(4, index, true);
  return { type: RTM.GETLINK, flags: NLM_F.ACK, payload, action: `get link ${index}` };
}

let fd: number;
let isSent = false;
beforeEach(() => {
  fd = openSocket(AF.NETLINK, SOCK.RAW, 0);
  isSent = false;
});
afterEach(() => fs.closeSync(fd));

function start(index: number) {
  const request = requestFor(index);
  const message = { ...request, flags: request.flags | NLM_F.REQUEST, sequence: 1, port: 0 };
  const receive = (deadline: number) => {
    const sender = new Uint8Array(12);
    const datagram = receiveDatagram(fd, { buffer: new Uint8Array(65_536), sender, deadline });
    return datagram && decodeMessages(datagram);
  };
  const collect = (first: readonly Message[] = []) => {
    const datagrams = [first];
    collectAnswers(new Map([[1, request]]), {
      awaited: () => true,
      receive: () => datagrams.shift() ?? receive(performance.now() + 10_000) ?? [],
    });
  };
  const send = () => {
    isSent = true;
  };
  return begin({ bytes: encodeMessages([message]), held: undefined }, { fd, send, receive, collect });
}

test("begin() sends from elsewhere, and isAnswered() reads the kernel's answer", () => {
  const { isAnswered, leave } = start(1);

  expect(isAnswered(10_000)).toBe(true);
  expect(isSent).toBe(false);
  expect(isAnswered(0)).toBe(true);
  leave();
});

test("isAnswered() and finish() throw the kernel's refusal, once", () => {
  const pending = start(0x7fffffff);

  expect(pending.finish).toThrow(NetlinkError);
  pending.finish();
  expect(pending.isAnswered(0)).toBe(true);
});
