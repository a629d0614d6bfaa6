import { describe, expect, test } from "vitest";
import { formatRecord, type LeaseRecord, parseRecord } from "../../../plugins/host-local/lease-record.ts";

const RECORD: LeaseRecord = {
  addresses: ["10.1.2.3"],
  time: "1795638001416",
  boot: "b1ca416b",
  netns: "4026532315",
  path: "/run/netns/blue",
};

describe("formatRecord()", () => {
  test("writes the path where all has room in an inode of ext4, 59 bytes", () => {
    expect(formatRecord(RECORD)).toBe("10.1.2.3 1795638001416 b1ca416b 4026532315 /run/netns/blue");
    expect(formatRecord({ ...RECORD, path: "/run/netns/blue2" })).toHaveLength(59);
    expect(formatRecord({ ...RECORD, path: "/run/netns/blue22" })).toBe("10.1.2.3 1795638001416 b1ca416b 4026532315");
    expect(formatRecord({ ...RECORD, path: "/run/netns/bl\u00fc\u00fc" })).toBe(
      "10.1.2.3 1795638001416 b1ca416b 4026532315",
    );
  });

  test("is read back by parseRecord(), also as older versions wrote it", () => {
    const path = "/var/run/netns/cni-2d8c4d5b-6d5c-4c79-9d5e-0a9a3c9d1f00";
    expect(parseRecord(formatRecord(RECORD))).toEqual(RECORD);
    expect(parseRecord(formatRecord({ ...RECORD, path }))).toEqual({ ...RECORD, path: "" });
    expect(parseRecord(`10.1.2.3 1795638001416 b1ca416b 4026532315 ${path}`)).toEqual({ ...RECORD, path });
  });
});
