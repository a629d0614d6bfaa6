import { describe, expect, it } from "vitest";
import { answerOf, answerOf6, mergeAnswers, prefixOf } from "../../../plugins/dhcp/answer.ts";
import { formatResult } from "../../../src/cni/result-json.ts";
import { readLease } from "../../../src/dhcp/lease.ts";
import { readLease as readLease6 } from "../../../src/dhcp/v6/lease.ts";
import { answer } from "../../dhcp/captured.ts";
import { IAID, message6 } from "../../dhcp/v6/captured.ts";

/** The result of what dnsmasq gave, without some of its options. */
function resultWithout(codes: readonly number[], priority?: number) {
  const { message } = answer("ack");
  const options = new Map([...message.options].filter(([code]) => !codes.includes(code)));
  const lease = readLease({ ...message, options }, 0);
  if (lease === undefined) throw new Error("no lease");
  return JSON.parse(formatResult(answerOf(lease, prefixOf(lease), priority), "1.1.0"));
}

describe("answerOf()", () => {
  it("has the routes of option 121 alone, with the metric and the MTU", () => {
    expect(resultWithout([], 7)).toEqual({
      cniVersion: "1.1.0",
      ips: [{ address: "192.168.1.30/24", gateway: "192.168.1.1" }],
      routes: [
        { dst: "10.0.0.0/8", gw: "192.168.1.3", mtu: 1400, priority: 7 },
        { dst: "0.0.0.0/0", gw: "192.168.1.1", mtu: 1400, priority: 7 },
        { dst: "192.168.1.77/32", gw: "0.0.0.0", scope: 253, mtu: 1400, priority: 7 },
      ],
      dns: {
        nameservers: ["192.168.1.1", "9.9.9.9"],
        domain: "example.org",
        search: ["eng.example.org", "sales.example.org"],
      },
    });
  });

  it("has those of option 33 and a default route without it, and nothing that the server does not say", () => {
    expect(resultWithout([121, 26, 6, 15, 119])).toEqual({
      cniVersion: "1.1.0",
      ips: [{ address: "192.168.1.30/24", gateway: "192.168.1.1" }],
      routes: [
        { dst: "10.9.8.7/8", gw: "192.168.1.2" },
        { dst: "0.0.0.0/0", gw: "192.168.1.1" },
      ],
    });
    expect(resultWithout([121, 26, 6, 15, 119, 3, 33])).toEqual({
      cniVersion: "1.1.0",
      ips: [{ address: "192.168.1.30/24" }],
    });
  });

  it("refuses a lease without a mask", () => {
    expect(() => resultWithout([1])).toThrow(
      expect.objectContaining({ code: 11, message: "DHCP option Subnet Mask not found in DHCPACK" }),
    );
  });
});

describe("answerOf6() and mergeAnswers()", () => {
  const lease6 = readLease6(message6("reply"), IAID, 0);
  if (lease6 === undefined) throw new Error("no lease");
  const own = answerOf6(lease6);

  it("have the address alone, no gateway and no route", () => {
    expect(JSON.parse(formatResult(own, "1.1.0"))).toEqual({
      cniVersion: "1.1.0",
      ips: [{ address: "fd00::18/128" }],
      dns: { nameservers: ["fd00::1", "fd00::2"], search: ["a.example.org", "b.example.org"] },
    });
    expect(mergeAnswers([own])).toEqual(own);
  });

  it("have what both families say, each once", () => {
    const { message } = answer("ack");
    const lease = readLease(message, 0);
    if (lease === undefined) throw new Error("no lease");
    const first = answerOf(lease, prefixOf(lease), undefined);
    expect(mergeAnswers([first, own, own])).toMatchObject({
      ips: [...first.ips, ...own.ips, ...own.ips],
      routes: first.routes,
      dns: {
        nameservers: ["192.168.1.1", "9.9.9.9", "fd00::1", "fd00::2"],
        domain: "example.org",
        search: ["eng.example.org", "sales.example.org", "a.example.org", "b.example.org"],
      },
    });
  });
});
