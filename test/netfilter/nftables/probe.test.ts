import { beforeEach, describe, expect, test } from "vitest";
import { findMissing, type Probe } from "../../../src/netfilter/nftables/probe.ts";
import { ERRNO } from "../../../src/platform/errno.ts";
import { FakeKernel } from "../../kernel/fake-kernel.ts";
import { refusingNetlink } from "../kernel.ts";

const ALL: readonly Probe[] = ["nat chain", "masq", "nat", "fib", "ct"];

let kernel: FakeKernel;

beforeEach(() => {
  kernel = new FakeKernel();
});

const ask = (probes: readonly Probe[]) => findMissing(kernel.openNetfilter(), probes);

describe("findMissing()", () => {
  test("asks one question of a kernel with everything, and makes nothing", () => {
    const before = kernel.snapshot();
    expect(ask(ALL)).toEqual([]);
    expect(kernel.log.map((line) => line.split("; "))).toEqual([
      [
        "host: add nftables table cni_probe",
        "add nftables chain prerouting to table cni_probe",
        "add nftables chain postrouting to table cni_probe",
        'add rule "masq" to nftables chain postrouting of table cni_probe',
        'add rule "nat" to nftables chain prerouting of table cni_probe',
        'add rule "fib" to nftables chain prerouting of table cni_probe',
        'add rule "ct" to nftables chain prerouting of table cni_probe',
      ],
    ]);
    expect(kernel.snapshot()).toEqual(before);
  });

  test("asks nothing about nothing", () => {
    kernel.features.nftables = false;
    expect(ask([])).toEqual([]);
    expect(kernel.requests).toBe(0);
  });

  test.each(["masq", "nat", "fib", "ct"] as const)("finds %s that is missing alone", (name) => {
    kernel.features.missingExpressions.add(name);
    expect(ask(ALL)).toEqual([name]);
    expect(ask([name])).toEqual([name]);
    expect(ask(ALL.filter((each) => each !== name))).toEqual([]);
  });

  test("finds each that is missing", () => {
    for (const name of ["fib", "masq"]) kernel.features.missingExpressions.add(name);
    expect(ask(ALL)).toEqual(["masq", "fib"]);
  });

  test.each(["translation", "nftables"] as const)("finds everything missing without the kernel's %s", (feature) => {
    kernel.features[feature] = false;
    expect(ask(ALL)).toEqual(ALL);
  });

  test("does not guess if it may not ask", () => {
    expect(() => findMissing(refusingNetlink(ERRNO.EPERM), ALL)).toThrow(
      "Cannot ask what nftables rules can use: Operation not permitted",
    );
  });
});
