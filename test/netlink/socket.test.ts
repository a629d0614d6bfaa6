import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { NetlinkRequest } from "../../src/netlink/answers.ts";
import { encodeMessages, type Message, NLM_F, NLMSG } from "../../src/netlink/message.ts";
import { openNfnetlink, openRtnetlink } from "../../src/netlink/socket.ts";
import { ERRNO, LinuxError } from "../../src/platform/errno.ts";
import { libc, libcAio } from "../../src/platform/libc.ts";
import { bytesOf } from "./captured.ts";
import { FakeSockets } from "./fake-sockets.ts";

let sockets: FakeSockets;

beforeEach(() => {
  sockets = new FakeSockets();
});

afterEach(() => void vi.restoreAllMocks());

/** struct sockaddr_nl of the kernel. */
const KERNEL = "100000000000000000000000";

const request = (flags: number, action = "ask"): NetlinkRequest => ({
  type: 18,
  flags,
  payload: bytesOf("01020304"),
  action,
});

const verdict = (sequence: number, errno = 0): Message => ({
  type: NLMSG.ERROR,
  flags: NLM_F.CAPPED,
  sequence,
  port: 0,
  payload: new Uint8Array(new Int32Array([-errno]).buffer),
});

const object = (sequence: number, hex: string, flags = 0): Message => ({
  type: 16,
  flags,
  sequence,
  port: 0,
  payload: bytesOf(hex),
});

function answer(...messages: readonly Message[]): void {
  sockets.answers.push({ bytes: encodeMessages(messages) });
}

const payloads = (messages: readonly Message[] | undefined) => messages?.map(({ payload }) => payload);

describe("openRtnetlink() and openNfnetlink()", () => {
  test.each([
    ["route", openRtnetlink, 0],
    ["netfilter", openNfnetlink, 12],
  ] as const)("open a socket of %s with short answers, explanations and strict filters", (protocol, open, number) => {
    const netlink = open();
    expect(netlink.protocol).toBe(protocol);
    // SOCK_RAW and SOCK_CLOEXEC; NETLINK_EXT_ACK, NETLINK_CAP_ACK and NETLINK_GET_STRICT_CHK of SOL_NETLINK
    expect(sockets.log).toEqual([
      `socket 16 ${3 | 0o2000000} ${number}`,
      "set 270 11 01000000",
      "set 270 10 01000000",
      "set 270 12 01000000",
    ]);
    netlink.close();
    expect(sockets.open).toBe(0);
  });

  test("open it in another namespace, and do without what an older kernel lacks", () => {
    const entered: number[] = [];
    vi.spyOn(libc().functions, "setns").mockImplementation((fd) => entered.push(fd) - entered.length);
    sockets.unknownOptions.push(12);
    openRtnetlink({ netns: 7 });
    expect([entered[0], entered.length, sockets.open]).toEqual([7, 2, 1]);
  });
});

describe("request()", () => {
  test("sends one message to the kernel, and returns what it answers", () => {
    const netlink = openRtnetlink();
    answer(object(1, "0a0b0c0d"));
    expect(payloads(netlink.request(request(0)))).toEqual([bytesOf("0a0b0c0d")]);
    expect(sockets.sent).toEqual(["140000001200010001000000" + "00000000" + "01020304"]);
    expect(sockets.log.at(-1)).toBe(`send to ${KERNEL}`);
  });

  test("keeps the answers of one datagram apart from the next", () => {
    const netlink = openRtnetlink();
    answer(object(1, "0a0b0c0d", NLM_F.MULTI));
    answer(object(1, "0e0e0e0e", NLM_F.MULTI), { ...verdict(1), type: NLMSG.DONE, flags: NLM_F.MULTI });
    const found = netlink.request(request(NLM_F.DUMP));
    expect(payloads(found)).toEqual([bytesOf("0a0b0c0d"), bytesOf("0e0e0e0e")]);
  });

  test("gives each request a number of its own, and passes over an answer that comes too late", () => {
    const netlink = openRtnetlink();
    answer(verdict(1));
    netlink.request(request(NLM_F.ACK));
    answer(verdict(1, ERRNO.EEXIST), verdict(2));
    expect(netlink.request(request(NLM_F.ACK))).toEqual([]);
    expect(sockets.sent.map((hex) => hex.slice(16, 24))).toEqual(["01000000", "02000000"]);
  });

  test("does not listen to other processes, which may write to the socket as well", () => {
    const netlink = openRtnetlink();
    const sender = bytesOf("100000006712000000000000");
    sockets.answers.push({ bytes: encodeMessages([verdict(1, ERRNO.EPERM)]), sender });
    answer(verdict(1));
    expect(netlink.request(request(NLM_F.ACK))).toEqual([]);
  });

  test("asks again for a list that changed while it was sent", () => {
    const netlink = openRtnetlink();
    const end = { ...verdict(1), type: NLMSG.DONE, flags: NLM_F.MULTI };
    answer(object(1, "01"), { ...end, flags: NLM_F.MULTI | NLM_F.DUMP_INTR });
    answer(object(2, "02"), { ...end, sequence: 2 });
    expect(payloads(netlink.request(request(NLM_F.DUMP)))).toEqual([bytesOf("02")]);
    expect(sockets.sent).toHaveLength(2);
  });

  test("gives up after a minute without an answer", () => {
    const netlink = openRtnetlink();
    const reason = "the kernel did not answer within 60 seconds";
    expect(() => netlink.request(request(0, "list the links"))).toThrow(
      new LinuxError("list the links", { syscall: "recvfrom", errno: ERRNO.ETIMEDOUT, reason }),
    );
    expect(sockets.waited).toBe(60_000);
  });

  test("makes room for what is larger than the send buffer, and sends it again", () => {
    const netlink = openRtnetlink();
    sockets.refusals.push(ERRNO.EMSGSIZE);
    answer(verdict(1));
    netlink.request(request(NLM_F.ACK));
    // SO_SNDBUFFORCE of SOL_SOCKET: twice the 20 bytes
    expect(sockets.log.slice(-2)).toEqual(["set 1 32 28000000", `send to ${KERNEL}`]);
    expect(sockets.sent).toHaveLength(1);
  });

  test("throws any other refusal to send", () => {
    const netlink = openRtnetlink();
    sockets.refusals.push(ERRNO.ENOMEM);
    expect(() => netlink.request(request(0))).toThrow(
      new LinuxError("send to a socket", { syscall: "sendto", errno: ERRNO.ENOMEM }),
    );
    expect(sockets.sent).toEqual([]);
  });
});

describe("transact()", () => {
  test("sends all as one datagram, and waits for those alone that are acknowledged", () => {
    const netlink = openNfnetlink();
    answer(verdict(2));
    expect(netlink.transact([request(0), request(NLM_F.ACK), request(0)])).toEqual([]);
    const message = (flags: string, sequence: string) => `14000000${"1200"}${flags}${sequence}${"00000000"}01020304`;
    expect(sockets.sent).toEqual([
      message("0100", "01000000") + message("0500", "02000000") + message("0100", "03000000"),
    ]);
  });

  test("throws a refusal in the words of the request that it is about", () => {
    const netlink = openNfnetlink();
    answer(verdict(2, ERRNO.EEXIST));
    expect(() => netlink.transact([request(NLM_F.ACK, "add a table"), request(NLM_F.ACK, "add a chain")])).toThrow(
      "Cannot add a chain: File exists",
    );
  });
});

describe("begin()", () => {
  test("sends at once where nobody else can, and waits for the answer when that is asked for", () => {
    vi.spyOn(libcAio().functions, "aio_write").mockReturnValue(-1);
    const netlink = openRtnetlink();
    const pending = netlink.begin(request(NLM_F.ACK, "delete it"), netlink);
    expect(sockets.sent).toHaveLength(1);
    expect(pending.isAnswered(5)).toBe(false);
    answer(verdict(1, ERRNO.ENODEV));
    expect(() => pending.isAnswered(5)).toThrow("Cannot delete it: No such device");
    expect(sockets.sent).toHaveLength(1);
  });
});

describe("listen()", () => {
  test("joins a group with a socket of its own, and tells of its events", () => {
    const events = openRtnetlink().listen(9);
    // NETLINK_ADD_MEMBERSHIP of SOL_NETLINK
    expect(sockets.log.slice(-2)).toEqual([`bind ${KERNEL}`, "set 270 1 09000000"]);
    answer(object(0, "0a0b0c0d"));
    expect(payloads(events.next(10))).toEqual([bytesOf("0a0b0c0d")]);
    expect(events.next(10)).toBeUndefined();
    expect([sockets.waited, sockets.open]).toEqual([10, 2]);
    events.close();
    expect(sockets.open).toBe(1);
  });

  test("says of lost events that there were some, and throws any other refusal", () => {
    const events = openRtnetlink().listen(1);
    sockets.answers.push(ERRNO.ENOBUFS, ERRNO.ENOMEM);
    expect(events.next(10)).toEqual([]);
    expect(() => events.next(10)).toThrow(expect.objectContaining({ code: "ENOMEM" }));
  });

  test("throws where the kernel does not have the group, and leaves no socket open", () => {
    const netlink = openRtnetlink();
    sockets.unknownOptions.push(1);
    expect(() => netlink.listen(9)).toThrow(
      new LinuxError("listen to netlink group 9", { syscall: "setsockopt", errno: ERRNO.EPERM }),
    );
    expect(sockets.open).toBe(1);
  });
});

test("ask() and hasIndex() ask by ioctl(2) with the same socket", () => {
  const ioctl = vi.spyOn(libc().functions, "ioctl").mockReturnValue(0);
  const netlink = openRtnetlink();
  expect(netlink.ask(0x8913, "lo").errno).toBe(0);
  expect(netlink.hasIndex(1)).toBe(true);
  // SIOCGIFFLAGS and SIOCGIFNAME
  expect(ioctl.mock.calls.map(([fd, what]) => [fd, what])).toEqual([
    [netlink.fd, 0x8913],
    [netlink.fd, 0x8910],
  ]);
  expect(sockets.sent).toEqual([]);
});
