import { describe, expect, it } from "vitest";
import { decodeMessage, encodeMessage, OP, TYPE, typeOf } from "../../src/dhcp/message.ts";
import { OPTION } from "../../src/dhcp/options.ts";
import { formatAddress } from "../../src/ip/address.ts";
import { answer, capturedPayload } from "./captured.ts";

const ALL = [
  ["dhclient", "discover"],
  ["dhclient", "request"],
  ["reference", "discover"],
  ["reference", "request"],
  ["reference", "release"],
] as const;

it.each(ALL)("encodeMessage() writes what %s sent as %s, from what decodeMessage() read", (name, message) => {
  const bytes = capturedPayload(name, message);
  expect(Buffer.from(encodeMessage(decodeMessage(bytes))).toString("hex")).toBe(Buffer.from(bytes).toString("hex"));
});

it("decodeMessage() reads what dnsmasq offers", () => {
  const { message } = answer("offer");
  expect({ ...message, options: undefined }).toMatchObject({
    op: OP.REPLY,
    xid: 0x20020d3a,
    secs: 0,
    broadcast: false,
    mac: "02:00:00:00:00:05",
  });
  expect(formatAddress(message.yours)).toBe("192.168.1.30");
  expect(typeOf(message)).toBe(TYPE.OFFER);
  expect([...message.options.keys()]).toEqual([53, 54, 51, 58, 59, 1, 28, 121, 119, 33, 26, 15, 6, 3]);
});

it("encodeMessage() sets the bit that asks for a broadcast", () => {
  const message = { ...decodeMessage(capturedPayload("dhclient", "discover")), broadcast: true };
  expect([...encodeMessage(message).subarray(10, 12)]).toEqual([0x80, 0]);
  expect(decodeMessage(encodeMessage(message)).broadcast).toBe(true);
});

it("decodeMessage() reads a message without options, and a hardware address in its field alone", () => {
  const bytes = Uint8Array.from(capturedPayload("dhclient", "ack").subarray(0, 240));
  bytes[2] = 20;
  const { mac, options } = decodeMessage(bytes);
  expect(mac).toBe("02:00:00:00:00:05:00:00:00:00:00:00:00:00:00:00");
  expect(options.size).toBe(0);
});

describe("decodeMessage() of what is broken", () => {
  const bytes = capturedPayload("dhclient", "ack");

  it.each([0, 1, 239])("throws at %i bytes", (length) => {
    expect(() => decodeMessage(bytes.subarray(0, length))).toThrow(`Cannot decode a DHCP message of ${length} bytes`);
  });

  it("throws at another cookie, and at an option that is cut", () => {
    const other = Uint8Array.from(bytes);
    other[236] = 0;
    expect(() => decodeMessage(other)).toThrow("cookie");
    expect(() => decodeMessage(bytes.subarray(0, 244))).toThrow("Cannot decode option 54 of a DHCP message: it is cut");
  });
});

it("decodeMessage() finds options in the fields for file and server name, and puts the parts of one together", () => {
  const bytes = new Uint8Array(260);
  bytes.set([0x63, 0x82, 0x53, 0x63, OPTION.OVERLOAD, 1, 3, OPTION.DOMAIN, 2, 0x61, 0x62, 255], 236);
  bytes.set([OPTION.DOMAIN, 1, 0x63, 255], 108);
  bytes.set([OPTION.DOMAIN, 1, 0x64, OPTION.HOST_NAME, 1, 0x65, 255], 44);
  const { options } = decodeMessage(bytes);
  expect(new TextDecoder().decode(options.get(OPTION.DOMAIN))).toBe("abcd");
  expect(new TextDecoder().decode(options.get(OPTION.HOST_NAME))).toBe("e");
});

it("encodeMessage() cuts a value of more than 255 bytes into pieces that decodeMessage() puts together", () => {
  const value = Uint8Array.from({ length: 600 }, (_, index) => index % 251);
  const message = { ...answer("ack").message, options: new Map([[OPTION.USER_CLASS, value]]) };
  expect(decodeMessage(encodeMessage(message)).options.get(OPTION.USER_CLASS)).toEqual(value);
});
