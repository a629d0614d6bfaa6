import { beforeEach, expect, test } from "vitest";
import { translatesAddresses } from "../../src/netfilter/translation.ts";
import { ERRNO } from "../../src/platform/errno.ts";
import { FakeKernel } from "../kernel/fake-kernel.ts";
import { refusingNetlink } from "./kernel.ts";

let kernel: FakeKernel;

beforeEach(() => {
  kernel = new FakeKernel();
});

test("translatesAddresses() asks about a chain of type nat, and makes nothing", () => {
  const before = kernel.snapshot();
  expect(translatesAddresses(kernel.openNetfilter())).toBe(true);
  expect(kernel.log).toEqual(["host: add nftables table cni_probe; add nftables chain postrouting to table cni_probe"]);
  expect(kernel.snapshot()).toEqual(before);
});

test.each(["translation", "nftables"] as const)("translatesAddresses() is false without the kernel's %s", (feature) => {
  kernel.features[feature] = false;
  expect(translatesAddresses(kernel.openNetfilter())).toBe(false);
});

test("translatesAddresses() says what it wanted to know if it may not ask", () => {
  expect(() => translatesAddresses(refusingNetlink(ERRNO.EPERM))).toThrow(
    "Cannot look whether nf_tables can translate addresses: Operation not permitted",
  );
});
