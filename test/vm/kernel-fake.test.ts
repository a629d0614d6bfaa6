import { expect, test } from "vitest";
import { fakeWorld } from "../kernel/scenes/all.ts";
import { children } from "../kernel/scenes/children.ts";
import { vlans } from "../kernel/scenes/vlans.ts";
import { vrfs } from "../kernel/scenes/vrfs.ts";
import { keepAnswers, playForReal } from "../live/real-kernel.ts";

test("the kernel in memory answers as one with links in VLANs, ipvlans and dummies", () => {
  const real = playForReal(children);
  keepAnswers("children", real);
  expect(real.length).toBeGreaterThan(5);
  expect(children(fakeWorld({ vlanFiltering: true }))).toEqual(real);
});

test("the kernel in memory answers as one with VRFs", () => {
  const real = playForReal(vrfs);
  keepAnswers("vrfs", real);
  expect(real.length).toBeGreaterThan(5);
  expect(vrfs(fakeWorld({ vlanFiltering: true }))).toEqual(real);
});

test("the kernel in memory answers as one that filters VLANs", () => {
  const real = playForReal(vlans);
  keepAnswers("vlans", real);
  expect(real.length).toBeGreaterThan(5);
  expect(vlans(fakeWorld({ vlanFiltering: true }))).toEqual(real);
});
