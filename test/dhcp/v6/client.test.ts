import { describe, expect, it } from "vitest";
import type { Moment } from "../../../src/dhcp/asking.ts";
import { encodeAssociatedAddress, encodeAssociation } from "../../../src/dhcp/v6/association.ts";
import { advance, begin, hold, receive, type State6, type Step6, wake } from "../../../src/dhcp/v6/client.ts";
import { type Dhcp6Message, decodeMessage, TYPE } from "../../../src/dhcp/v6/message.ts";
import { findOption, OPTION, type Options } from "../../../src/dhcp/v6/options.ts";
import { type Identity6, release } from "../../../src/dhcp/v6/question.ts";
import { address } from "../../netlink/text.ts";
import { IAID, message6 } from "./captured.ts";

const ME: Identity6 = { duid: findOption(message6("reply").options, OPTION.CLIENT_ID) ?? new Uint8Array(), iaid: IAID };
const SERVER = findOption(message6("reply").options, OPTION.SERVER_ID) ?? new Uint8Array();
const OTHER = Uint8Array.of(0, 3, 1);
const GIVEN = address("fd00::18");

const at = (seconds: number): Moment => ({ now: seconds * 1000, random: () => 0.5 });

/** What a client sent. */
function sent({ send }: Step6) {
  if (send === undefined) return undefined;
  const message = decodeMessage(send);
  const name = Object.entries(TYPE).find(([, value]) => value === message.type)?.[0];
  return { name, message, options: message.options.map(([code]) => code) };
}

interface Given {
  readonly address?: string;
  readonly preferred?: number;
  readonly valid?: number;
  readonly renew?: number;
  readonly rebind?: number;
  readonly server?: Uint8Array;
  /** Status of the association. */
  readonly status?: Options;
}

/** A server's answer to the last question. */
function reply(state: State6, type: number, given: Given = {}): Dhcp6Message {
  const { address: text = "fd00::18", preferred = 100, valid = 120, renew = 60, rebind = 90, server = SERVER } = given;
  const value = encodeAssociatedAddress({ address: address(text), preferred, valid, options: [] });
  const options: Options = given.status ?? [[OPTION.IA_ADDRESS, value]];
  return {
    type,
    xid: "xid" in state ? state.xid : 0,
    options: [
      [OPTION.CLIENT_ID, ME.duid],
      [OPTION.SERVER_ID, server],
      [OPTION.IA_NA, encodeAssociation({ iaid: IAID, renew, rebind, options })],
    ],
  };
}

/** Status options. */
function says(code: number, text: string): Options {
  return [[OPTION.STATUS_CODE, Uint8Array.of(0, code, ...new TextEncoder().encode(text))]];
}

function offered(given: Given = {}) {
  const { state } = begin(ME, at(0));
  return receive(ME, at(0), state, reply(state, TYPE.ADVERTISE, given)).state;
}

/** A client with a lease of 120 s, from second 0. */
function leased(given: Given = {}) {
  const requesting = offered();
  const { happened, state } = receive(ME, at(0), requesting, reply(requesting, TYPE.REPLY, given));
  if (happened?.kind !== "leased") throw new Error("no lease");
  return { lease: happened.lease, state };
}

describe("a client without a lease", () => {
  it("asks every server, takes the first offer and has its lease", () => {
    const first = begin(ME, at(0));
    expect(sent(first)).toMatchObject({ name: "SOLICIT", options: [1, 3, 8, 6] });
    const second = receive(ME, at(0.2), first.state, reply(first.state, TYPE.ADVERTISE));
    expect(second.happened).toEqual({ kind: "offered", server: SERVER, address: GIVEN });
    expect(sent(second)).toMatchObject({ name: "REQUEST", options: [1, 2, 3, 8, 6] });
    const third = receive(ME, at(1), second.state, reply(second.state, TYPE.REPLY));
    // From the question on, not from the answer.
    expect(third).toMatchObject({
      state: { kind: "bound", wakeAt: 60_200 },
      happened: { lease: { address: GIVEN, rebindAt: 90_200, preferUntil: 100_200, expireAt: 120_200 } },
    });
    expect(third.send).toBeUndefined();
  });

  it("understands dnsmasq's own answers, and keeps options 23 and 24 of them", () => {
    const { xid } = message6("advertise");
    const { state } = receive(ME, at(0), { ...begin(ME, at(0)).state, xid } as State6, message6("advertise"));
    const asked = { ...state, xid: message6("reply").xid } as State6;
    const { happened } = receive(ME, at(0), asked, message6("reply"));
    expect(happened).toMatchObject({
      kind: "leased",
      lease: { address: GIVEN, renewAt: 1_800_000, expireAt: 3_600_000 },
    });
    if (happened?.kind === "leased") expect([...happened.lease.options.keys()]).toEqual([23, 24]);
  });

  it("asks again after 1, 2, 4 and more seconds, at most 120, with the time that has passed", () => {
    let step = begin(ME, at(0));
    const pauses: number[] = [];
    for (let now = 0, count = 0; count < 9; count++) {
      pauses.push(step.state.wakeAt / 1000 - now);
      now = step.state.wakeAt / 1000;
      expect(wake(ME, at(now - 0.1), step.state)).toEqual({ state: step.state });
      step = wake(ME, at(now), step.state);
    }
    expect(pauses).toEqual([1, 2, 4, 8, 16, 32, 64, 120, 120]);
    const elapsed = findOption(sent(step)?.message.options ?? [], OPTION.ELAPSED_TIME);
    expect(elapsed).toEqual(Uint8Array.of((36_700 >> 8) & 255, 36_700 & 255));
  });

  it("asks for what it was offered four times, then for anything", () => {
    let step: Step6 = { state: offered() };
    const all = Array.from({ length: 4 }, () => {
      step = wake(ME, at(step.state.wakeAt / 1000), step.state);
      return sent(step)?.name;
    });
    expect(all).toEqual(["REQUEST", "REQUEST", "REQUEST", "SOLICIT"]);
  });

  it.each(["does not answer", "refuses"])("asks others first, where a server that it took an offer of %s", (what) => {
    let step: Step6 = { state: offered() };
    if (what === "refuses")
      step = receive(ME, at(0), step.state, reply(step.state, TYPE.REPLY, { status: says(2, "gone") }));
    while (step.state.kind === "requesting" || step.send === undefined)
      step = wake(ME, at(step.state.wakeAt / 1000), step.state);
    const again = reply(step.state, TYPE.ADVERTISE);
    const other = reply(step.state, TYPE.ADVERTISE, { server: OTHER });
    expect(receive(ME, at(30), step.state, again)).toEqual({ state: step.state });
    expect(advance(ME, at(1), step.state, [again, other]).happened).toMatchObject({ kind: "offered", server: OTHER });
    const second = wake(ME, at(step.state.wakeAt / 1000), step.state);
    expect(receive(ME, at(30), second.state, again).happened).toMatchObject({ kind: "offered", server: SERVER });
  });

  it("prefers a server that offers to one that refuses, and says what the latter says", () => {
    const { state } = begin(ME, at(0));
    const no = reply(state, TYPE.ADVERTISE, { server: OTHER, status: says(2, "full") });
    const yes = reply(state, TYPE.ADVERTISE);
    expect(advance(ME, at(0), state, [no, yes]).happened).toMatchObject({ kind: "offered" });
    const refused = advance(ME, at(0), state, [no]);
    expect(refused).toEqual({ state, happened: { kind: "refused", server: OTHER, text: "full" } });
  });

  it("asks again a while after a server refused what it had offered", () => {
    const requesting = offered();
    const step = receive(ME, at(1), requesting, reply(requesting, TYPE.REPLY, { status: says(2, "gone") }));
    expect(step).toMatchObject({
      state: { kind: "selecting", wakeAt: 2500 },
      happened: { kind: "refused", text: "gone" },
    });
    expect(step.send).toBeUndefined();
    expect(sent(wake(ME, at(2.5), step.state))?.name).toBe("SOLICIT");
  });
});

describe("a message that is no answer changes nothing", () => {
  const { state } = begin(ME, at(0));
  const requesting = offered();
  const without = (message: Dhcp6Message, code: number) => ({
    ...message,
    options: message.options.filter(([each]) => each !== code),
  });
  const advertise = (given: Given) => reply(state, TYPE.ADVERTISE, given);

  it.each<[string, State6, Dhcp6Message]>([
    ["another number", state, { ...advertise({}), xid: 1 }],
    ["a REPLY before a question", state, reply(state, TYPE.REPLY)],
    ["an offer without a server", state, without(advertise({}), OPTION.SERVER_ID)],
    ["an offer without a client", state, without(advertise({}), OPTION.CLIENT_ID)],
    ["an offer without an association", state, without(advertise({}), OPTION.IA_NA)],
    [
      "an association that is cut",
      state,
      {
        ...advertise({}),
        options: [...without(advertise({}), OPTION.IA_NA).options, [OPTION.IA_NA, new Uint8Array(11)]],
      },
    ],
    ["a server that cannot answer now", state, advertise({ status: says(1, "busy") })],
    ["another server's REPLY", requesting, reply(requesting, TYPE.REPLY, { server: OTHER })],
    ["another server's refusal", requesting, reply(requesting, TYPE.REPLY, { server: OTHER, status: says(2, "") })],
    ["anything while it is bound", leased().state, reply(leased().state, TYPE.REPLY)],
  ])("%s", (_, before, message) => {
    expect(receive(ME, at(0), before, message)).toEqual({ state: before });
  });

  it.each(["::", "::1", "::10.0.0.1", "fe80::1", "ff02::1"])("an offer of %s is none", (text) => {
    expect(receive(ME, at(0), state, advertise({ address: text })).happened).toMatchObject({ kind: "refused" });
  });

  it("an offer of an IPv4 address in IPv6's form is none", () => {
    const mapped = { family: 6, value: 0xffff_0a00_0001n } as const;
    const value = encodeAssociatedAddress({ address: mapped, preferred: 100, valid: 120, options: [] });
    const offer = advertise({ status: [[OPTION.IA_ADDRESS, value]] });
    expect(receive(ME, at(0), state, offer).happened).toMatchObject({ kind: "refused" });
  });

  it("an offer that is preferred for longer than it is valid is none", () => {
    expect(receive(ME, at(0), state, advertise({ preferred: 121 })).happened).toMatchObject({ kind: "refused" });
  });
});

describe("a client with a lease", () => {
  it("asks its server from T1 on, any server from T2 on, and gives up at the end", () => {
    const done: string[] = [];
    for (let now: State6 = leased().state; now.wakeAt <= 121_000; ) {
      const step = wake(ME, at(now.wakeAt / 1000), now);
      done.push(`${now.wakeAt / 1000}: ${[step.happened?.kind, sent(step)?.name].filter(Boolean).join(", ")}`);
      now = step.state;
    }
    expect(done).toEqual([
      "60: RENEW",
      "70: RENEW",
      "80: RENEW",
      "85: RENEW",
      "87.5: RENEW",
      "88.75: RENEW",
      "89.75: RENEW",
      "90: REBIND",
      "100: REBIND",
      "110: REBIND",
      "115: REBIND",
      "117.5: REBIND",
      "118.75: REBIND",
      "119.75: REBIND",
      "120: expired, SOLICIT",
      "121: SOLICIT",
    ]);
  });

  it("asks before its time is over, where the server's times are those of its end", () => {
    const { lease } = leased({ preferred: 120, valid: 120, renew: 120, rebind: 120 });
    expect(lease).toMatchObject({ renewAt: 60_000, rebindAt: 96_000, expireAt: 120_000 });
  });

  it("names its server in RENEW, and none in REBIND", () => {
    const renewing = wake(ME, at(60), leased().state);
    expect(sent(renewing)?.options).toEqual([1, 2, 3, 8, 6]);
    expect(sent(wake(ME, at(90), renewing.state))?.options).toEqual([1, 3, 8, 6]);
  });

  it("has its new time from the question on, and another address if the server says so", () => {
    const { state } = wake(ME, at(60), leased().state);
    const step = receive(ME, at(61), state, reply(state, TYPE.REPLY, { address: "fd00::19" }));
    expect(step).toMatchObject({
      state: { kind: "bound", wakeAt: 120_000 },
      happened: { lease: { address: address("fd00::19") } },
    });
  });

  it("believes any server when it asks any", () => {
    const { state } = wake(ME, at(90), leased().state);
    expect(receive(ME, at(90), state, reply(state, TYPE.REPLY, { server: OTHER })).happened).toMatchObject({
      lease: { server: OTHER },
    });
  });

  it.each([
    ["knows no such lease", { status: says(3, "what lease?") }],
    ["ends it", { valid: 0, preferred: 0 }],
  ])("has lost it where its server %s", (_, given) => {
    const { state } = wake(ME, at(60), leased().state);
    const step = receive(ME, at(60), state, reply(state, TYPE.REPLY, given));
    expect(step).toMatchObject({ state: { kind: "selecting" }, happened: { kind: "refused", server: SERVER } });
  });

  it("never asks where it has it for ever", () => {
    const endless = 0xffffffff;
    const { lease } = leased({ preferred: endless, valid: endless, renew: endless, rebind: endless });
    expect(lease).toMatchObject({ renewAt: Infinity, rebindAt: Infinity, preferUntil: Infinity, expireAt: Infinity });
    expect(wake(ME, at(1e12), hold(lease))).toEqual({ state: hold(lease) });
  });

  it("gives it back to its server", () => {
    const { message, options, name } = sent({ state: leased().state, send: release(ME, 7, leased().lease) }) ?? {};
    expect({ name, xid: message?.xid, options }).toEqual({ name: "RELEASE", xid: 7, options: [1, 2, 3, 8] });
    const [own, theirs] = [message?.options ?? [], message6("release").options];
    for (const code of [OPTION.CLIENT_ID, OPTION.SERVER_ID, OPTION.IA_NA])
      expect(findOption(own, code)).toEqual(findOption(theirs, code));
  });
});

it.each<[Given, readonly number[]]>([
  [{}, [60, 90, 100, 120]],
  [{ renew: 0, rebind: 0 }, [50, 80, 100, 120]],
  [{ renew: 90, rebind: 60 }, [50, 80, 100, 120]],
  [{ renew: 60, rebind: 110 }, [50, 80, 100, 120]],
  [{ preferred: 0, renew: 0, rebind: 0 }, [60, 96, 0, 120]],
  [{ preferred: 0, valid: 1, renew: 0, rebind: 0 }, [1, 1.6, 0, 2]],
])("readLease() by receive(): %j ends at T1, T2, preferred and valid %j", (given, expected) => {
  const { renewAt, rebindAt, preferUntil, expireAt } = leased(given).lease;
  expect([renewAt, rebindAt, preferUntil, expireAt].map((time) => time / 1000)).toEqual(expected);
});
