import { describe, expect, it } from "vitest";
import type { Moment } from "../../src/dhcp/asking.ts";
import { advance, begin, hold, receive, resume, type State, type Step, wake } from "../../src/dhcp/client.ts";
import { type DhcpMessage, decodeMessage, OP, TYPE, typeOf, UNSPECIFIED } from "../../src/dhcp/message.ts";
import { OPTION } from "../../src/dhcp/options.ts";
import { type Identity, type Outgoing, release } from "../../src/dhcp/question.ts";
import { type Address, encodeAddress, formatAddress, parseAddress } from "../../src/ip/address.ts";
import { answer } from "./captured.ts";

const ME: Identity = {
  mac: "02:00:00:00:00:05",
  clientId: new TextEncoder().encode("\0c1/n1/eth0"),
  provided: new Map([[OPTION.HOST_NAME, new TextEncoder().encode("blue")]]),
  requested: [1, 3, 121],
  broadcast: false,
};

const SERVER = address("192.168.1.1");
const GIVEN = address("192.168.1.30");

function address(text: string): Address {
  const found = parseAddress(text);
  if (found === undefined) throw new Error(text);
  return found;
}

const at = (seconds: number): Moment => ({ now: seconds * 1000, random: () => 0.5 });

/** What a client sent: the type, where from and to, and the message. */
function sent({ send }: Step) {
  if (send === undefined) return undefined;
  const bytes = send.kind === "everyone" ? send.packet.subarray(28) : send.payload;
  const message = decodeMessage(bytes);
  const type = Object.entries(TYPE).find(([, value]) => value === typeOf(message))?.[0];
  return { how: `${type} to ${send.kind}`, message, options: [...message.options.keys()] };
}

/** An answer to a client's question. */
function reply(state: State, type: number, changes: Partial<DhcpMessage> = {}): DhcpMessage {
  const times = [
    [OPTION.LEASE_TIME, 120],
    [OPTION.RENEWAL_TIME, 60],
    [OPTION.REBINDING_TIME, 105],
  ] as const;
  return {
    ...{ op: OP.REPLY, xid: "xid" in state ? state.xid : 0, secs: 0, broadcast: false, mac: ME.mac },
    ...{ client: UNSPECIFIED, yours: type === TYPE.NAK ? UNSPECIFIED : GIVEN, relay: UNSPECIFIED },
    options: new Map([
      [OPTION.MESSAGE_TYPE, Uint8Array.of(type)],
      [OPTION.SERVER, encodeAddress(SERVER)],
      ...times.map(([code, seconds]) => [code, Uint8Array.of(0, 0, 0, seconds)] as const),
    ]),
    ...changes,
  };
}

/** A client with a lease of two minutes, from second 0. */
function leased() {
  const offered = receive(ME, at(0), begin(ME, at(0)).state, reply(begin(ME, at(0)).state, TYPE.OFFER));
  const { happened, state } = receive(ME, at(0), offered.state, reply(offered.state, TYPE.ACK));
  if (happened?.kind !== "leased") throw new Error("no lease");
  return { lease: happened.lease, state };
}

describe("a client without a lease", () => {
  it("asks every server, takes an offer and has its lease, with one number", () => {
    const first = begin(ME, at(0));
    expect(sent(first)).toMatchObject({ how: "DISCOVER to everyone", options: [53, 61, 57, 12, 55] });
    const { xid } = sent(first)?.message ?? {};
    const second = receive(ME, at(1), first.state, reply(first.state, TYPE.OFFER));
    expect(second.happened).toMatchObject({ kind: "offered", server: SERVER, address: GIVEN });
    expect(sent(second)).toMatchObject({
      how: "REQUEST to everyone",
      options: [53, 61, 57, 50, 54, 12, 55],
      message: { xid, secs: 1, client: UNSPECIFIED },
    });
    const third = receive(ME, at(2), second.state, reply(second.state, TYPE.ACK));
    expect(third.happened).toMatchObject({ kind: "leased", lease: { address: GIVEN, server: SERVER } });
    // From the question on, not from the answer.
    expect(third.state).toMatchObject({
      kind: "bound",
      wakeAt: 61_000,
      lease: { rebindAt: 106_000, expireAt: 121_000 },
    });
    expect(third.send).toBeUndefined();
  });

  it("understands dnsmasq's own answers", () => {
    const { xid } = answer("offer").message;
    const state: State = { ...begin(ME, at(0)).state, xid } as State;
    const offered = receive(ME, at(0), state, answer("offer").message);
    expect(receive(ME, at(0), offered.state, answer("ack").message).happened).toMatchObject({ kind: "leased" });
  });

  it("asks again after 2, 4, 8, 16 and then 32 seconds, in the same words", () => {
    let step = begin(ME, at(0));
    const pauses: number[] = [];
    for (let now = 0, count = 0; count < 7; count++) {
      pauses.push(step.state.wakeAt / 1000 - now);
      now = step.state.wakeAt / 1000;
      const early = wake(ME, at(now - 0.1), step.state);
      expect(early).toEqual({ state: step.state });
      step = wake(ME, at(now), step.state);
      expect(sent(step)).toMatchObject({ how: "DISCOVER to everyone", message: { secs: now } });
    }
    expect(pauses).toEqual([2, 4, 8, 16, 32, 32, 32]);
  });

  it("asks for what it was offered three times, then for anything", () => {
    const first = begin(ME, at(0));
    let step = receive(ME, at(0), first.state, reply(first.state, TYPE.OFFER));
    const all = Array.from({ length: 3 }, () => {
      step = wake(ME, at(step.state.wakeAt / 1000), step.state);
      return sent(step)?.how;
    });
    expect(all).toEqual(["REQUEST to everyone", "REQUEST to everyone", "DISCOVER to everyone"]);
  });

  it.each(["does not answer", "refuses"])("asks others first, where a server that it took an offer of %s", (what) => {
    const first = begin(ME, at(0));
    let step = receive(ME, at(0), first.state, reply(first.state, TYPE.OFFER));
    if (what === "refuses") step = receive(ME, at(0), step.state, reply(step.state, TYPE.NAK));
    while (step.state.kind === "requesting" || step.send === undefined)
      step = wake(ME, at(step.state.wakeAt / 1000), step.state);
    const again = reply(step.state, TYPE.OFFER);
    const other = { ...again, options: new Map([...again.options, [OPTION.SERVER, encodeAddress(GIVEN)]]) };
    expect(receive(ME, at(30), step.state, again)).toEqual({ state: step.state });
    expect(advance(ME, at(14), step.state, [again, other]).happened).toMatchObject({ kind: "offered", server: GIVEN });
    const second = wake(ME, at(step.state.wakeAt / 1000), step.state);
    expect(receive(ME, at(30), second.state, again).happened).toMatchObject({ kind: "offered", server: SERVER });
  });

  it("wants the address that it had", () => {
    expect(sent(begin(ME, at(0), GIVEN))?.message.options.get(OPTION.REQUESTED_ADDRESS)).toEqual(encodeAddress(GIVEN));
  });

  it("asks for another offer a while after a NAK", () => {
    const first = begin(ME, at(0));
    const second = receive(ME, at(0), first.state, reply(first.state, TYPE.OFFER));
    const nak = reply(second.state, TYPE.NAK);
    const options = new Map([...nak.options, [OPTION.TEXT, new TextEncoder().encode("in use")] as const]);
    const third = receive(ME, at(1), second.state, { ...nak, options });
    expect(third).toMatchObject({
      state: { kind: "selecting", wakeAt: 2500 },
      happened: { kind: "refused", server: SERVER, text: "in use" },
    });
    expect(third.send).toBeUndefined();
    expect(sent(wake(ME, at(2.5), third.state))?.how).toBe("DISCOVER to everyone");
  });

  it("asks servers to broadcast where it has to, until it has an address", () => {
    const identity = { ...ME, broadcast: true };
    expect(sent(begin(identity, at(0)))?.message.broadcast).toBe(true);
    expect(sent(begin(ME, at(0)))?.message.broadcast).toBe(false);
    expect(sent(wake(identity, at(60), leased().state))?.message.broadcast).toBe(false);
  });

  it("asks for no list of options where it wants none", () => {
    expect(sent(begin({ ...ME, requested: [] }, at(0)))?.options).toEqual([53, 61, 57, 12]);
  });

  it("counts the seconds from its first question, whenever that was", () => {
    const first = begin(ME, at(1000));
    const second = wake(ME, at(1002), first.state);
    const third = receive(ME, at(1005), second.state, reply(second.state, TYPE.OFFER));
    expect([first, second, third].map((step) => sent(step)?.message.secs)).toEqual([0, 2, 5]);
  });

  it("takes its number and its pauses at random: the pause by a quarter less or more", () => {
    const begun = (random: number) => begin(ME, { now: 0, random: () => random });
    expect(sent(begun(0.5))?.message.xid).toBe(2 ** 31);
    expect([0, 0.5, 1].map((random) => begun(random).state.wakeAt)).toEqual([1500, 2000, 2500]);
  });
});

describe("a message that is no answer changes nothing", () => {
  const { state } = begin(ME, at(0));
  const requesting = receive(ME, at(0), state, reply(state, TYPE.OFFER)).state;
  const withServer = (server: Address | undefined, type: number) =>
    new Map<number, Uint8Array>([
      [OPTION.MESSAGE_TYPE, Uint8Array.of(type)],
      ...(server ? [[OPTION.SERVER, encodeAddress(server)] as const] : []),
    ]);

  it.each<[string, State, DhcpMessage]>([
    ["another client's question", state, reply(state, TYPE.OFFER, { op: OP.REQUEST })],
    ["another number", state, reply(state, TYPE.OFFER, { xid: 1 })],
    ["another client's MAC", state, reply(state, TYPE.OFFER, { mac: "02:00:00:00:00:06" })],
    ["an ACK before a question", state, reply(state, TYPE.ACK)],
    ["BOOTP without a type", state, reply(state, TYPE.OFFER, { options: new Map() })],
    ["an offer without a server", state, reply(state, TYPE.OFFER, { options: withServer(undefined, TYPE.OFFER) })],
    ...["0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255"].map((text): [string, State, DhcpMessage] => [
      `an offer of ${text}`,
      state,
      reply(state, TYPE.OFFER, { yours: address(text) }),
    ]),
    ["another server's ACK", requesting, reply(requesting, TYPE.ACK, { options: withServer(GIVEN, TYPE.ACK) })],
    ["another server's NAK", requesting, reply(requesting, TYPE.NAK, { options: withServer(GIVEN, TYPE.NAK) })],
    ["an ACK without a server", requesting, reply(requesting, TYPE.ACK, { options: withServer(undefined, TYPE.ACK) })],
    ["a second offer of its server", requesting, reply(requesting, TYPE.OFFER)],
    [
      "an ACK without a server, after a restart",
      resume(ME, at(0), leased().lease).state,
      reply(resume(ME, at(0), leased().lease).state, TYPE.ACK, { options: withServer(undefined, TYPE.ACK) }),
    ],
    ["an ACK without an address", requesting, reply(requesting, TYPE.ACK, { yours: UNSPECIFIED })],
    ["anything while it is bound", leased().state, reply(leased().state, TYPE.NAK)],
  ])("%s", (_, before, message) => {
    expect(receive(ME, at(0), before, message)).toEqual({ state: before });
  });
});

describe("advance()", () => {
  const { state } = begin(ME, at(0));
  const [early, offer] = [reply(state, TYPE.ACK), reply(state, TYPE.OFFER)];

  it("takes the first answer among the messages", () => {
    const others = { ...offer, yours: address("192.168.1.99") };
    const step = advance(ME, at(1), state, [early, offer, others]);
    expect(step.happened).toMatchObject({ kind: "offered", address: GIVEN });
  });

  it("tells the client the time where there is none", () => {
    expect(advance(ME, at(1), state, [early])).toEqual({ state });
    expect(sent(advance(ME, at(2), state, [early]))?.how).toBe("DISCOVER to everyone");
  });
});

describe("a client with a lease", () => {
  /** What it does until `end`, in seconds, while nobody answers. */
  function untilEnd(state: State, end: number): readonly string[] {
    const done: string[] = [];
    for (let now = state; now.wakeAt <= end * 1000; ) {
      const second = now.wakeAt / 1000;
      const step = wake(ME, at(second), now);
      done.push(`${second}: ${[step.happened?.kind, sent(step)?.how].filter(Boolean).join(", ")}`);
      now = step.state;
    }
    return done;
  }

  it("asks its server from T1 on, any server from T2 on, and gives up at the end", () => {
    expect(untilEnd(leased().state, 122)).toEqual([
      "60: REQUEST to server",
      "82.5: REQUEST to server",
      "93.75: REQUEST to server",
      "99.375: REQUEST to server",
      "102.1875: REQUEST to server",
      "103.59375: REQUEST to server",
      "104.59375: REQUEST to server",
      "105: REQUEST to everyone",
      "112.5: REQUEST to everyone",
      "116.25: REQUEST to everyone",
      "118.125: REQUEST to everyone",
      "119.125: REQUEST to everyone",
      "120: expired, DISCOVER to everyone",
      "122: DISCOVER to everyone",
    ]);
  });

  it("says its address in both questions, and asks for no address and no server", () => {
    const renewing = wake(ME, at(60), leased().state);
    const rebinding = wake(ME, at(105), renewing.state);
    for (const step of [renewing, rebinding])
      expect(sent(step)).toMatchObject({ message: { client: GIVEN }, options: [53, 61, 57, 12, 55] });
    expect(renewing.send).toMatchObject({ kind: "server", from: GIVEN, to: SERVER });
  });

  it("asks again with the number and the seconds of its first question for more time", () => {
    const first = wake(ME, at(60), leased().state);
    const again = wake(ME, at(82.5), first.state);
    const anyone = wake(ME, at(105), again.state);
    expect([first, again, anyone].map((step) => [step.state.kind, sent(step)?.message.secs])).toEqual([
      ["renewing", 0],
      ["renewing", 22],
      ["rebinding", 0],
    ]);
  });

  it("has its new time from the question on, and another address if the server says so", () => {
    const renewing = wake(ME, at(60), leased().state);
    const yours = address("192.168.1.31");
    const step = receive(ME, at(61), renewing.state, reply(renewing.state, TYPE.ACK, { yours }));
    expect(step).toMatchObject({ state: { kind: "bound", wakeAt: 120_000 }, happened: { lease: { address: yours } } });
  });

  it("has lost it after a NAK", () => {
    const renewing = wake(ME, at(60), leased().state);
    const step = receive(ME, at(61), renewing.state, reply(renewing.state, TYPE.NAK));
    expect(step).toMatchObject({ state: { kind: "selecting" }, happened: { kind: "refused", server: SERVER } });
  });

  it("never asks where it has it for ever", () => {
    const { lease } = leased();
    const state = hold({ ...lease, renewAt: Infinity, rebindAt: Infinity, expireAt: Infinity });
    expect(wake(ME, at(1e12), state)).toEqual({ state });
  });

  it("asks after a restart whether it holds, and keeps it where nobody answers", () => {
    const { lease } = leased();
    const first = resume(ME, at(10), lease);
    expect(sent(first)).toMatchObject({ how: "REQUEST to everyone", options: [53, 61, 57, 50, 12, 55] });
    expect(sent(first)?.message.client).toEqual(UNSPECIFIED);
    expect(untilEnd(first.state, 60)).toEqual([
      "12: REQUEST to everyone",
      "16: REQUEST to everyone",
      "24: ",
      "60: REQUEST to server",
    ]);
  });

  it("has lost it after a restart where the server says so, and where its time is over", () => {
    const { lease } = leased();
    const first = resume(ME, at(10), lease);
    expect(receive(ME, at(10), first.state, reply(first.state, TYPE.NAK)).happened).toMatchObject({ kind: "refused" });
    expect(resume(ME, at(120), lease)).toMatchObject({ state: { kind: "selecting" }, happened: { kind: "expired" } });
  });

  it("gives it back to its server, from its address", () => {
    const send: Outgoing = release(ME, 7, leased().lease);
    expect(send).toMatchObject({ kind: "server", from: GIVEN, to: SERVER });
    expect(sent({ state: leased().state, send })).toMatchObject({
      how: "RELEASE to server",
      message: { xid: 7, client: GIVEN, broadcast: false },
      options: [53, 54, 61],
    });
  });
});

it("readLease() by receive() takes half and seven eighths where times are missing or in no order, and for ever as said", () => {
  const times = (...pairs: readonly (readonly [number, number])[]) => {
    const { state } = begin(ME, at(0));
    const requesting = receive(ME, at(0), state, reply(state, TYPE.OFFER)).state;
    const bytesOf = (seconds: number) => [24, 16, 8, 0].map((shift) => (seconds >>> shift) & 255);
    const given = pairs.map(([code, seconds]) => [code, Uint8Array.from(bytesOf(seconds))] as const);
    const options = new Map([
      [OPTION.MESSAGE_TYPE, Uint8Array.of(TYPE.ACK)],
      [OPTION.SERVER, encodeAddress(SERVER)],
      ...given,
    ]);
    const { happened } = receive(ME, at(0), requesting, reply(requesting, TYPE.ACK, { options }));
    if (happened?.kind !== "leased") return undefined;
    const { renewAt, rebindAt, expireAt } = happened.lease;
    return [renewAt / 1000, rebindAt / 1000, expireAt / 1000];
  };
  expect(times()).toEqual([1800, 3150, 3600]);
  expect(times([51, 6])).toEqual([3, 5.25, 6]);
  expect(times([51, 100], [58, 90], [59, 80])).toEqual([50, 87.5, 100]);
  expect(times([51, 100], [58, 10], [59, 200])).toEqual([50, 87.5, 100]);
  expect(times([51, 100], [59, 20])).toEqual([20, 20, 100]);
  expect(times([51, 100], [58, 10])).toEqual([10, 87.5, 100]);
  expect(times([51, 100], [58, 0], [59, 80])).toEqual([50, 87.5, 100]);
  expect(times([51, 100], [58, 50], [59, 100])).toEqual([50, 100, 100]);
  expect(times([51, 100], [58, 99], [59, 100])).toEqual([99, 100, 100]);
  // It would ask when the address is gone.
  expect(times([51, 100], [58, 100], [59, 100])).toEqual([50, 87.5, 100]);
  expect(times([51, 0])).toEqual([1, 1.75, 2]);
  expect(times([51, 0xffffffff], [58, 10], [59, 20])).toEqual([Infinity, Infinity, Infinity]);
  expect(formatAddress(GIVEN)).toBe("192.168.1.30");
});
