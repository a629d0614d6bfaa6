import { expect, it } from "vitest";
import { parsePtpConfig } from "../../../plugins/ptp/config.ts";
import { prefix } from "../../netlink/text.ts";
import { addRequest } from "../request.ts";

function parse(fields: object) {
  return parsePtpConfig(addRequest({ cniVersion: "1.1.0", name: "net1", type: "ptp", ipam: { type: "x" }, ...fields }));
}

it("parsePtpConfig() fills in the defaults and reads what is given", () => {
  expect(parse({})).toMatchObject({ ipMasq: false, mtu: 0, nonMasqueradeCIDRs: [] });
  const given = { ipMasq: true, ipMasqBackend: "iptables", mtu: 1460, nonMasqueradeCIDRs: ["10.0.0.0/8"] };
  expect(parse(given)).toMatchObject({ ...given, nonMasqueradeCIDRs: [prefix("10.0.0.0/8")] });
});

it.each([
  [{ ipam: undefined }, "no plugin name provided"],
  [{ ipam: { type: "" } }, "no plugin name provided"],
  [{ ipMasqBackend: "ebtables" }, 'unknown ipmasq backend "ebtables"'],
  [{ mtu: -1 }, "Cannot use mtu -1"],
  [{ mtu: "auto" }, 'Cannot use mtu "auto"'],
  [{ ipMasq: "yes" }, 'Cannot use ipMasq "yes"'],
])("parsePtpConfig() refuses %j", (fields, message) => {
  expect(() => parse(fields)).toThrow(message);
});
