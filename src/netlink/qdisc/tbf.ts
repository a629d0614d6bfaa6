import { viewOf, viewOfStruct } from "../bytes.ts";
import { type Codec, u64 } from "../codec.ts";

/** struct tc_ratespec: a rate in bytes a second, and how a packet's length on the wire is reckoned. <linux/pkt_sched.h> */
export interface RateSpec {
  readonly cellLog: number;
  /** TC_LINKLAYER. */
  readonly linkLayer: number;
  readonly overhead: number;
  readonly cellAlign: number;
  readonly mpu: number;
  /** 0xffffffff where it takes more bits: those are in `rate64`. */
  readonly rate: number;
}

/** struct tc_tbf_qopt: the settings of a token bucket filter. <linux/pkt_sched.h> */
export interface TbfParameters {
  readonly rate: RateSpec;
  readonly peakRate: RateSpec;
  /** Bytes that may wait. */
  readonly limit: number;
  /** How long the full bucket lasts at `rate`, in ticks of 64 ns. */
  readonly buffer: number;
  readonly mtu: number;
}

/** What `tc` writes where it is not told. <linux/pkt_sched.h> */
export const TC_LINKLAYER = { ETHERNET: 1 } as const;

/** Attributes of a token bucket filter. <linux/pkt_sched.h> */
const TCA_TBF = { PARMS: 1, RATE64: 4 } as const;

/** sizeof(struct tc_ratespec) <linux/pkt_sched.h> */
const RATESPEC_SIZE = 12;

/** sizeof(struct tc_tbf_qopt) <linux/pkt_sched.h> */
const TBF_QOPT_SIZE = 36;

const parameters: Codec<TbfParameters> = {
  encode: ({ rate, peakRate, limit, buffer, mtu }) => {
    const bytes = new Uint8Array(TBF_QOPT_SIZE);
    bytes.set(encodeRateSpec(rate), 0);
    bytes.set(encodeRateSpec(peakRate), RATESPEC_SIZE);
    const view = viewOf(bytes);
    view.setUint32(24, limit, true);
    view.setUint32(28, buffer, true);
    view.setUint32(32, mtu, true);
    return bytes;
  },
  decode: (bytes) => {
    const view = viewOfStruct(bytes, "struct tc_tbf_qopt", TBF_QOPT_SIZE);
    return {
      rate: decodeRateSpec(bytes),
      peakRate: decodeRateSpec(bytes.subarray(RATESPEC_SIZE)),
      limit: view.getUint32(24, true),
      buffer: view.getUint32(28, true),
      mtu: view.getUint32(32, true),
    };
  },
};

/** The attributes of a token bucket filter that we speak. */
export const TBF_FIELDS = { parameters: [TCA_TBF.PARMS, parameters], rate64: [TCA_TBF.RATE64, u64] } as const;

function encodeRateSpec(spec: RateSpec): Uint8Array {
  const bytes = new Uint8Array(RATESPEC_SIZE);
  const view = viewOf(bytes);
  view.setUint8(0, spec.cellLog);
  view.setUint8(1, spec.linkLayer);
  view.setUint16(2, spec.overhead, true);
  view.setInt16(4, spec.cellAlign, true);
  view.setUint16(6, spec.mpu, true);
  view.setUint32(8, spec.rate, true);
  return bytes;
}

function decodeRateSpec(bytes: Uint8Array): RateSpec {
  const view = viewOfStruct(bytes, "struct tc_ratespec", RATESPEC_SIZE);
  return {
    cellLog: view.getUint8(0),
    linkLayer: view.getUint8(1),
    overhead: view.getUint16(2, true),
    cellAlign: view.getInt16(4, true),
    mpu: view.getUint16(6, true),
    rate: view.getUint32(8, true),
  };
}
