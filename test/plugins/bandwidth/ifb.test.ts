import { expect, test } from "vitest";
import { ifbNames } from "../../../plugins/bandwidth/ifb.ts";

test("ifbNames() begins with the reference's name, and has another for each interface", () => {
  const owner = { network: "cni-plugin-bandwidth-test", containerId: "dummy" };
  const [first, second] = ifbNames({ ...owner, ifname: "eth0" });
  expect(first).toBe("bwpa8eda89404b7");
  expect(second).toMatch(/^bwp[0-9a-f]{12}$/);
  expect(ifbNames({ ...owner, ifname: "eth1" })[1]).not.toBe(second);
});
