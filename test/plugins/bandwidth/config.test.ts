import { describe, expect, it } from "vitest";
import { type BandwidthConfig, parseBandwidthConfig } from "../../../plugins/bandwidth/config.ts";
import { refusal } from "../host-local/refusal.ts";
import { addRequest } from "../request.ts";

function parse(fields: object): BandwidthConfig {
  const json = { cniVersion: "1.1.0", name: "net1", type: "bandwidth", ...fields };
  return parseBandwidthConfig(addRequest(json));
}

const own = { ingressRate: 8000, ingressBurst: 80, egressRate: 16_000, egressBurst: 88 };
const NONE = { ingress: undefined, egress: undefined };

describe("parseBandwidthConfig()", () => {
  it("makes bytes of bits", () => {
    expect(parse(own)).toEqual({ ingress: { rate: 1000, burst: 10 }, egress: { rate: 2000, burst: 11 } });
  });

  it.each([{}, { ingressRate: 0, ingressBurst: 0, egressRate: 0, egressBurst: 0 }, { ingressRate: null }])(
    "makes no limit of %j",
    (fields) => {
      expect(parse(fields)).toEqual(NONE);
    },
  );

  it("takes a runtime's limits, whatever the case of its keys", () => {
    const bandwidth = { IngressRate: 8000, IngressBurst: 4294967295, EgressRate: 0, EgressBurst: 0 };
    expect(parse({ RuntimeConfig: { bandWidth: bandwidth } })).toEqual({
      ingress: { rate: 1000, burst: 536_870_911 },
      egress: undefined,
    });
  });

  it("takes the network's own limits before the runtime's, all of them, be they 0", () => {
    const bandwidth = { ingressRate: 800_000, ingressBurst: 800, egressRate: 800_000, egressBurst: 800 };
    expect(parse({ ingressRate: 8000, ingressBurst: 80, runtimeConfig: { bandwidth } })).toEqual({
      ingress: { rate: 1000, burst: 10 },
      egress: undefined,
    });
    expect(parse({ egressRate: 0, runtimeConfig: { bandwidth } })).toEqual(NONE);
  });

  it.each([
    [5000, 2 ** 35 - 16],
    // What CRI-O sends for a limit without a burst.
    [10_000_000, 2 ** 35 - 1 - 8],
  ])("takes the rate %i with the burst %i", (egressRate, egressBurst) => {
    expect(parse({ egressRate, egressBurst }).egress?.burst).toBe(2 ** 32 - 2);
  });

  it.each([
    [
      { ingressRate: 0, ingressBurst: 123, egressRate: 123, egressBurst: 123 },
      "if burst is set, rate must also be set",
    ],
    [{ egressRate: 1 }, "if rate is set, burst must also be set"],
    [{ egressRate: 5000, egressBurst: 2 ** 35 }, "burst cannot be more than 4GB"],
    [{ egressRate: 5000, egressBurst: 2 ** 35 - 8 }, "burst cannot be more than 4GB"],
    [{ egressRate: 7, egressBurst: 8000 }, "Cannot use egressRate 7: must be at least 8 bits a second"],
    [
      { ingressRate: 10 ** 10, ingressBurst: 8000 },
      "Cannot use ingressBurst 8000: must be at least what ingressRate lets pass in a microsecond",
    ],
    [{ ingressRate: -1 }, "Cannot use ingressRate -1: must be an integer of at least 0"],
    [{ ingressRate: "8M" }, 'Cannot use ingressRate "8M": must be an integer of at least 0'],
    [{ runtimeConfig: { bandwidth: [] } }, "Cannot use runtimeConfig.bandwidth []: must be an object"],
  ])("refuses %j", (fields, message) => {
    expect(refusal(() => parse(fields))).toEqual({ code: 7, message });
  });
});
