import { describe, expect, test } from "vitest";
import { addressElements, portElements } from "../../../../plugins/bridge/spoof/elements.ts";
import { ENTRY, spoofRules } from "../../../../plugins/bridge/spoof/rules.ts";
import { arp, BROADCAST, ETHER, frame, icmp6 } from "../../../live/frames.ts";
import { attacks, honest, party } from "../../../live/spoof-frames.ts";
import { prefix } from "../../../netlink/text.ts";
import { passes } from "./judge.ts";

const me = party("02:00:00:00:00:01", "10.88.0.2", "fd00:88::2");
const peer = party("02:00:00:00:00:02", "10.88.0.3", "fd00:88::3");
const gateway = party("02:00:00:00:00:03", "10.88.0.1", "fd00:88::1");

const TRIES = [...honest(me, peer), ...attacks(me, peer, gateway)];

/** Whether a frame of the container's passes: with its addresses, or while its IPAM plugin asks about any. */
function isThrough(check: "mac" | "strict", hex: string, { asks = false, from = 7 } = {}): boolean {
  const owner = { network: "net1", ifname: "eth0", containerId: "c1" };
  const port = { owner, port: 7, mac: me.mac, check, asks };
  const prefixes = asks ? [] : [prefix(`${me.ip}/24`), prefix(`${me.ip6}/64`)];
  const elements = [...portElements(port), ...addressElements(port, prefixes)];
  return passes({ rules: spoofRules(), elements, port: from }, ENTRY, hex);
}

describe.each(["mac", "strict"] as const)("the rules of %s", (check) => {
  test.each(TRIES.map((each) => [each.name, each] as const))("%s", (_, each) => {
    expect(isThrough(check, each.frame)).toBe(each[check]);
  });
});

test("frames of ports that are not checked pass", () => {
  expect(TRIES.filter((each) => !isThrough("strict", each.frame, { from: 8 }))).toEqual([]);
});

describe("while the IPAM plugin asks whether any address is in use", () => {
  const solicit = (from: string, options = Buffer.alloc(0), more = {}) => {
    const body = Buffer.concat([Buffer.from("fd000088000000000000000000000003", "hex"), options]);
    return icmp6(135, from, "ff02::1:ff00:3", { body, ...more });
  };
  const asking = (payload: Uint8Array, sender = me.mac) => frame(sender, BROADCAST, ETHER.IP6, payload);
  const nonce = Buffer.of(14, 1, 1, 2, 3, 4, 5, 6);
  const probe = (mac: string, ip: string) => arp(1, [mac, ip], ["00:00:00:00:00:00", peer.ip]);

  test.each([
    ["a probe by ARP", frame(me.mac, BROADCAST, ETHER.ARP, probe(me.mac, "0.0.0.0")), true],
    ["one with another's MAC", frame(peer.mac, BROADCAST, ETHER.ARP, probe(me.mac, "0.0.0.0")), false],
    ["one that names another's MAC", frame(me.mac, BROADCAST, ETHER.ARP, probe(peer.mac, "0.0.0.0")), false],
    ["a question in another's name", frame(me.mac, BROADCAST, ETHER.ARP, probe(me.mac, peer.ip)), false],
    ["duplicate address detection", asking(solicit("::")), true],
    ["that with a nonce", asking(solicit("::", nonce)), true],
    ["that with another's MAC", asking(solicit("::"), peer.mac), false],
    ["that with a nonce and another's MAC", asking(solicit("::", nonce), peer.mac), false],
    ["that with an option that tells a MAC", asking(solicit("::", Buffer.of(1, 1, 2, 0, 0, 0, 0, 2))), false],
    ["that in another's name", asking(solicit(peer.ip6)), false],
    ["that with a nonce in another's name", asking(solicit(peer.ip6, nonce)), false],
  ])("%s passes, or not: %#", (_, hex, isFine) => {
    expect(isThrough("strict", hex, { asks: true })).toBe(isFine);
  });
});
