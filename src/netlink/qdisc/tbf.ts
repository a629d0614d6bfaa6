import { i16, u8, u16, u32, u64 } from "../codec.ts";
import { struct } from "../struct.ts";

/** The default link layer of `tc`. <linux/pkt_sched.h> */
export const TC_LINKLAYER = { ETHERNET: 1 } as const;

/** Attributes of a token bucket filter. <linux/pkt_sched.h> */
const TCA_TBF = { PARMS: 1, RATE64: 4 } as const;

/** sizeof(struct tc_ratespec) <linux/pkt_sched.h> */
const RATESPEC_SIZE = 12;

/** sizeof(struct tc_tbf_qopt) <linux/pkt_sched.h> */
const TBF_QOPT_SIZE = 36;

/** struct tc_ratespec: a rate in bytes a second, and how a packet's length on the wire is calculated. <linux/pkt_sched.h> */
const rateSpec = struct("struct tc_ratespec", RATESPEC_SIZE, {
  cellLog: [0, u8],
  /** TC_LINKLAYER. */
  linkLayer: [1, u8],
  overhead: [2, u16],
  cellAlign: [4, i16],
  mpu: [6, u16],
  /** 0xffffffff if the rate needs more than 32 bits; then `rate64` has it. */
  rate: [8, u32],
});

export type RateSpec = ReturnType<typeof rateSpec.decode>;

/** struct tc_tbf_qopt: the settings of a token bucket filter. <linux/pkt_sched.h> */
const parameters = struct("struct tc_tbf_qopt", TBF_QOPT_SIZE, {
  rate: [0, rateSpec],
  peakRate: [RATESPEC_SIZE, rateSpec],
  /** The queue's limit in bytes. */
  limit: [24, u32],
  /** The time that a full bucket lasts at `rate`, in ticks of 64 ns. */
  buffer: [28, u32],
  mtu: [32, u32],
});

/** The attributes of a token bucket filter that we use. */
export const TBF_FIELDS = { parameters: [TCA_TBF.PARMS, parameters], rate64: [TCA_TBF.RATE64, u64] } as const;
