import { describe, expect, it } from "vitest";
import {
  decodeAssociatedAddress,
  decodeAssociation,
  encodeAssociatedAddress,
  encodeAssociation,
} from "../../../src/dhcp/v6/association.ts";
import { decodeMessage, encodeMessage, TYPE } from "../../../src/dhcp/v6/message.ts";
import { decodeOptions, findFailure, findOption, OPTION, STATUS } from "../../../src/dhcp/v6/options.ts";
import { address } from "../../netlink/text.ts";
import { captured6, IAID, message6 } from "./captured.ts";

describe("decodeMessage()", () => {
  it("reads what dnsmasq answers", () => {
    const { type, xid, options } = message6("reply");
    expect({ type, xid }).toEqual({ type: TYPE.REPLY, xid: 0xe74079 });
    expect(options.map(([code]) => code)).toEqual([1, 2, 3, 13, 24, 23]);
    const association = decodeAssociation(findOption(options, OPTION.IA_NA) ?? new Uint8Array());
    expect(association).toMatchObject({ iaid: IAID, renew: 1800, rebind: 3150 });
    const given = findOption(association.options, OPTION.IA_ADDRESS) ?? new Uint8Array();
    expect(decodeAssociatedAddress(given)).toEqual({
      ...{ address: address("fd00::18"), preferred: 3600, valid: 3600, options: [] },
    });
    expect(findFailure(options)).toBeUndefined();
  });

  it.each(["solicit", "advertise", "request", "reply", "release", "release-reply"])(
    "is the mirror of encodeMessage(): %s",
    (name) => {
      expect(encodeMessage(message6(name))).toEqual(captured6(name));
    },
  );

  it("is the mirror for associations and their addresses", () => {
    const value = findOption(message6("reply").options, OPTION.IA_NA) ?? new Uint8Array();
    const association = decodeAssociation(value);
    expect(encodeAssociation(association)).toEqual(value);
    const given = findOption(association.options, OPTION.IA_ADDRESS) ?? new Uint8Array();
    expect(encodeAssociatedAddress(decodeAssociatedAddress(given))).toEqual(given);
  });

  it("refuses what is cut anywhere but between two options", () => {
    const bytes = captured6("reply");
    const whole = new Set([4]);
    for (const [, value] of message6("reply").options) whole.add(Math.max(...whole) + 4 + value.length);
    for (let length = 0; length < bytes.length; length++) {
      const decode = () => decodeMessage(bytes.subarray(0, length));
      if (whole.has(length)) decode();
      else expect(decode, `${length} bytes`).toThrow(RangeError);
    }
  });

  it.each([11, 23])("refuses an association or an address of %d bytes", (length) => {
    const decode = length < 12 ? decodeAssociation : decodeAssociatedAddress;
    expect(() => decode(new Uint8Array(length))).toThrow(`it has ${length} bytes, must have ${length + 1}`);
  });
});

it("findFailure() has the server's number and words, and none for success or a status that is cut", () => {
  const status = (...bytes: readonly number[]) => decodeOptions(Uint8Array.of(0, 13, 0, bytes.length, ...bytes));
  expect(findFailure(status(0, 2, 110, 111))).toEqual({ code: STATUS.NO_ADDRESS, text: "no" });
  expect(findFailure(status(0, 3))).toEqual({ code: STATUS.NO_BINDING, text: "" });
  expect(findFailure(status(0, 0, 111, 107))).toBeUndefined();
  expect(findFailure(status(2))).toBeUndefined();
  expect(findFailure([])).toBeUndefined();
});
