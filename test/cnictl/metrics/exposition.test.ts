import { describe, expect, test } from "vitest";
import { countSharedAddresses } from "../../../src/cnictl/metrics/conflicts.ts";
import { formatMetrics } from "../../../src/cnictl/metrics/exposition.ts";

describe("formatMetrics()", () => {
  test("writes Prometheus' text format, with characters of labels escaped and large numbers in full", () => {
    const samples = [
      { labels: { network: 'a"b\\c\nd', set: "0" }, value: 2n ** 64n },
      { labels: {}, value: 3 },
    ];
    expect(formatMetrics([{ name: "cni_x", help: "What it is.", samples }])).toBe(
      [
        "# HELP cni_x What it is.",
        "# TYPE cni_x gauge",
        'cni_x{network="a\\"b\\\\c\\nd",set="0"} 18446744073709551616',
        "cni_x 3",
        "",
      ].join("\n"),
    );
  });

  test("leaves out a metric without samples", () => {
    expect(formatMetrics([{ name: "cni_x", help: "What it is.", samples: [] }])).toBe("");
  });
});

test("countSharedAddresses() counts addresses that several attachments have", () => {
  expect(countSharedAddresses([["10.0.0.2/24", "fd00::2/64"], ["10.0.0.2"], ["fd00::3/64"]])).toBe(1);
});
