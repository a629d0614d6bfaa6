import { describe, expect, test } from "vitest";
import { addBridge } from "../../src/netlink/link/add.ts";
import { supportsVlanFiltering } from "../../src/netlink/link/support.ts";
import { fakeWorld, SCENES } from "../kernel/scenes/all.ts";
import type { Scene } from "../kernel/scenes/record.ts";
import { keepAnswers, playForReal } from "./real-kernel.ts";

/** Whether this kernel has CONFIG_BRIDGE_VLAN_FILTERING: asked when there is a bridge, for on older kernels the question loads no module. */
const askForVlans: Scene = ({ host }) => {
  addBridge(host, { name: "br0" });
  return [["VLANs", supportsVlanFiltering(host)]];
};

describe("the kernel in memory answers as the real one", () => {
  test.each(Object.entries(SCENES))("%s", (name, scene) => {
    const real = playForReal(scene);
    keepAnswers(name, real);
    const vlanFiltering = playForReal(askForVlans)[0]?.[1] === true;
    expect(real.length).toBeGreaterThan(5);
    expect(scene(fakeWorld({ vlanFiltering }))).toEqual(real);
  });
});
