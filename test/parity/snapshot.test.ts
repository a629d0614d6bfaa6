import { expect, it } from "vitest";
import { compared } from "./snapshot.ts";

it("compared is the same for what iproute2 6 and 7 print of one link", () => {
  const printed = (more: object) => ({ ifname: "veth1", linkinfo: { info_data: { ageing_timer: 3 } }, ...more });
  expect(compared(printed({ txqlen: 0 }))).toEqual(compared(printed({})));
  expect(compared(printed({ txqlen: 1000 }))).toEqual({ ifname: "veth1", txqlen: 1000, linkinfo: { info_data: {} } });
});
