import { decodeError } from "../../plugins/dhcp/gob.ts";
import { decodeRedirect, MAPS } from "../../plugins/portmap/nftables-maps.ts";
import { decodeDatagram } from "../../src/dhcp/datagram.ts";
import { decodeMessage } from "../../src/dhcp/message.ts";
import { OPTION } from "../../src/dhcp/options.ts";
import { readLease as readLease6, readRefusal } from "../../src/dhcp/v6/lease.ts";
import { decodeMessage as decodeMessage6 } from "../../src/dhcp/v6/message.ts";
import * as values6 from "../../src/dhcp/v6/values.ts";
import * as values from "../../src/dhcp/values.ts";
import { decodeReply, encodeCall, messageLength } from "../../src/linux/dbus/message.ts";
import { decodeLegacyFilter } from "../../src/netfilter/iptables/legacy-filter.ts";
import { decodeChains } from "../../src/netfilter/iptables/legacy-table.ts";
import { decodeNftRule } from "../../src/netfilter/iptables/nft-filter.ts";
import { readJump } from "../../src/netfilter/iptables/nft-table.ts";
import { decodeChain } from "../../src/netfilter/nftables/chain.ts";
import { decodeElement, decodeElementList } from "../../src/netfilter/nftables/element.ts";
import { formatExpressions } from "../../src/netfilter/nftables/format.ts";
import { decodeGeneration } from "../../src/netfilter/nftables/generation.ts";
import { decodeRule } from "../../src/netfilter/nftables/rule.ts";
import { decodeSet } from "../../src/netfilter/nftables/set.ts";
import { decodeTable } from "../../src/netfilter/nftables/table.ts";
import { decodeAcknowledgement } from "../../src/netlink/acknowledgement.ts";
import { readLinkAddress } from "../../src/netlink/address/message.ts";
import { readConnection } from "../../src/netlink/conntrack/message.ts";
import { readFilter } from "../../src/netlink/filter/message.ts";
import { readLink } from "../../src/netlink/link/message.ts";
import { decodeMessages } from "../../src/netlink/message.ts";
import { readQdisc } from "../../src/netlink/qdisc/message.ts";
import { readRoute } from "../../src/netlink/route/message.ts";
import { readRule } from "../../src/netlink/rule/message.ts";
import { readVlans } from "../../src/netlink/vlan/message.ts";
import { decodeMasqueraded } from "../../src/steps/masquerade/rules.ts";
import { capturesOf, payloadsOf } from "./captures.ts";
import { type Decoders, decoders } from "./decoder.ts";

/** Those for what the kernel, the message bus and DHCP servers send. */
export function binaryDecoders(): Decoders {
  return {
    ...netlinkDecoders(),
    ...nftablesDecoders(),
    ...iptablesDecoders(),
    ...busDecoders(),
    ...dhcpDecoders(),
    ...dhcp6Decoders(),
  };
}

/** It says what it could not read: an engine's own RangeError, as of an offset outside of a view, does not. */
const asRangeError = (error: unknown): boolean => error instanceof RangeError && error.message.startsWith("Cannot ");

function netlinkDecoders(): Decoders {
  const payloads = payloadsOf("rtnetlink");
  const connections = payloadsOf("conntrack");
  const datagrams = [...capturesOf("rtnetlink"), ...capturesOf("nftables")];
  const acknowledge = (bytes: Uint8Array) => decodeMessages(bytes).map(decodeAcknowledgement);
  const rtnetlink = { readLink, readLinkAddress, readRoute, readRule, readQdisc, readFilter, readVlans };
  return {
    decodeMessages: { decode: decodeMessages, samples: datagrams, refuses: asRangeError },
    decodeAcknowledgement: { decode: acknowledge, samples: datagrams, refuses: asRangeError },
    ...decoders(rtnetlink, { samples: payloads, refuses: asRangeError }),
    readConnection: { decode: (payload) => readConnection({ payload }), samples: connections, refuses: asRangeError },
  };
}

function nftablesDecoders(): Decoders {
  const decodeElements = (bytes: Uint8Array) =>
    decodeElementList(bytes).elements?.map((each) => {
      const element = decodeElement(each);
      return [decodeMasqueraded, ...MAPS.map((maps) => decodeRedirect.bind(undefined, maps))].map((decode) =>
        attempt(() => decode(element)),
      );
    });
  const decodeRules = (bytes: Uint8Array) => {
    const rule = decodeRule(bytes);
    const text = formatExpressions(rule.expressions ?? []);
    return [text, readJump(rule, 4), readJump(rule, 6), decodeNftRule(rule, 4), decodeNftRule(rule, 6)];
  };
  const functions = { decodeTable, decodeChain, decodeSet, decodeGeneration, decodeRules, decodeElements };
  return decoders(functions, { samples: payloadsOf("nftables"), refuses: asRangeError });
}

/** What one decoder refuses in order may be another's. */
function attempt(decode: () => unknown): unknown {
  try {
    return decode();
  } catch (error) {
    if (asRangeError(error)) return undefined;
    throw error;
  }
}

function iptablesDecoders(): Decoders {
  const samples = capturesOf("iptables");
  const chains = new Map([["INPUT", { start: 0 }]]);
  const rules = (family: 4 | 6) => (bytes: Uint8Array) =>
    [...decodeLegacyFilter(family, { entries: bytes.subarray(40), chains }).values()].map((chain) => chain.rules());
  const functions = { decodeChains, decodeLegacyFilter4: rules(4), decodeLegacyFilter6: rules(6) };
  return decoders(functions, { samples, refuses: asRangeError });
}

function busDecoders(): Decoders {
  const call = encodeCall({ serial: 1, destination: "a", path: "/", interface: "b", member: "c", args: ["d"] });
  return decoders({ decodeReply, messageLength }, { samples: [...capturesOf("dbus"), call], refuses: asRangeError });
}

function dhcpDecoders(): Decoders {
  const samples = capturesOf("dhcp");
  const readAnswer = (bytes: Uint8Array) => {
    const { options } = decodeMessage(decodeDatagram(bytes)?.payload ?? bytes.subarray(28));
    const { findPrefixLength, findMtu, findClasslessRoutes, findStaticRoutes, findSearchDomains } = values;
    const all = [findPrefixLength, findMtu, findClasslessRoutes, findStaticRoutes, findSearchDomains];
    return [...all.map((find) => find(options)), values.findText(options, OPTION.DOMAIN)];
  };
  return decoders({ decodeDatagram, readAnswer, decodeError }, { samples, refuses: asRangeError });
}

function dhcp6Decoders(): Decoders {
  const readAnswer6 = (bytes: Uint8Array) => {
    const message = decodeMessage6(bytes);
    const lease = readLease6(message, CAPTURED_IAID, 0);
    const { findNameServers, findSearchDomains } = values6;
    return [
      lease,
      readRefusal(message, CAPTURED_IAID),
      lease && [findNameServers, findSearchDomains].map((find) => find(lease.options)),
    ];
  };
  return decoders({ readAnswer6 }, { samples: capturesOf("dhcp6"), refuses: asRangeError });
}

/** The number of the interface in the captures. */
const CAPTURED_IAID = 5;
