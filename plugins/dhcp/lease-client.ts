import * as client from "../../src/dhcp/client.ts";
import type { Lease } from "../../src/dhcp/lease.ts";
import type { DhcpMessage } from "../../src/dhcp/message.ts";
import type { Identity, Outgoing } from "../../src/dhcp/question.ts";
import * as client6 from "../../src/dhcp/v6/client.ts";
import type { Lease6 } from "../../src/dhcp/v6/lease.ts";
import type { Dhcp6Message } from "../../src/dhcp/v6/message.ts";
import type { Identity6 } from "../../src/dhcp/v6/question.ts";
import { findPrefixLength } from "../../src/dhcp/values.ts";
import { type Address, formatAddress } from "../../src/ip/address.ts";
import { single } from "../../src/ip/prefix.ts";
import { type Conversation, converse, type Protocol, readMoment } from "./conversation.ts";
import type { LeaseRecord } from "./lease-record.ts";
import { openWire } from "./wire.ts";
import { openWire6 } from "./wire6.ts";

/** A client that asks for an IPv4 lease. */
export function askFor4(identity: Identity): Conversation<Lease> {
  return converse(protocol4(identity), client.begin(identity, readMoment()), (lease) => lease);
}

/** A client that asks for an IPv6 lease. */
export function askFor6(identity: Identity6): Conversation<Lease6> {
  return converse(protocol6(identity), client6.begin(identity, readMoment()), (lease) => lease);
}

/**
 * A client that keeps a lease, or asks for another one if it is over. With `resumes`, it asks a server of IPv4 at once whether the lease
 * holds. IPv6 has no such question: the next one is at T1.
 */
export function keepLease(record: LeaseRecord, resumes: boolean): Conversation<LeaseRecord> {
  const moment = readMoment();
  const isOver = record.lease.expireAt <= moment.now;
  const soon = <State extends object>({ state }: { state: State }) => ({ state: { ...state, wakeAt: moment.now } });
  if (record.family === 6) {
    const { identity, lease } = record;
    const first = isOver ? soon(client6.begin(identity, moment, lease.address)) : { state: client6.hold(lease) };
    return converse(protocol6(identity), first, (each) => ({ ...record, lease: each, prefix: single(each.address) }));
  }
  const { identity, lease } = record;
  const held = resumes ? soon(client.resume(identity, moment, lease)) : { state: client.hold(lease) };
  const first = isOver ? soon(client.begin(identity, moment, lease.address)) : held;
  return converse(protocol4(identity), first, (each) => {
    const length = findPrefixLength(each.options) ?? record.prefix.length;
    return { ...record, lease: each, prefix: { address: each.address, length } };
  });
}

function protocol4(identity: Identity): Protocol<client.State, Outgoing, DhcpMessage, Lease, Address> {
  return {
    advance: (moment, state, messages) => client.advance(identity, moment, state, messages),
    open: ({ container, link }) => openWire(container, link),
    show: formatAddress,
  };
}

function protocol6(identity: Identity6): Protocol<client6.State6, Uint8Array, Dhcp6Message, Lease6, Uint8Array> {
  return {
    advance: (moment, state, messages) => client6.advance(identity, moment, state, messages),
    open: openWire6,
    show: (duid) => `DUID ${duid.toHex()}`,
  };
}
