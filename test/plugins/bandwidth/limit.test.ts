import { describe, expect, it } from "vitest";
import { type Limit, tokenBucketOf } from "../../../plugins/bandwidth/limit.ts";

describe("tokenBucketOf()", () => {
  // The first three are of the reference's own tests, the fourth is what `tc` makes of `rate 20mbit burst 25000 latency 25ms`.
  it.each<[Limit, limit: number, buffer: number]>([
    [{ rate: 1, burst: 1 }, 1, 15_625_000],
    [{ rate: 2, burst: 1 }, 1, 7_812_500],
    [{ rate: 1000, burst: 10 }, 35, 156_250],
    [{ rate: 2_500_000, burst: 25_000 }, 87_500, 156_250],
    [{ rate: 3, burst: 1 }, 1, 5_208_328],
  ])("makes of %j a limit of %i bytes and a buffer of %i ticks", (limit, bytes, ticks) => {
    expect(tokenBucketOf(limit)).toEqual({ rate: limit.rate, limit: bytes, buffer: ticks });
  });

  it("keeps to what the kernel's numbers hold", () => {
    const bucket = { limit: 2 ** 32 - 1, buffer: 2 ** 32 - 1 };
    expect(tokenBucketOf({ rate: 1_250_000, burst: 2 ** 29 - 1 }).buffer).toBe(2 ** 32 - 1);
    expect(tokenBucketOf({ rate: 100_000, burst: 2 ** 32 - 2 })).toMatchObject(bucket);
  });
});
