import { describe, expect, it } from "vitest";
import {
  decodeReply,
  encodeCall,
  MESSAGE_TYPE,
  messageLength,
  PROLOGUE_SIZE,
} from "../../../src/linux/dbus/message.ts";
import { capturedMessages, lastMessage } from "./captured.ts";

const firewalld = {
  destination: "org.fedoraproject.FirewallD1",
  path: "/org/fedoraproject/FirewallD1",
  interface: "org.fedoraproject.FirewallD1.zone",
};

describe("encodeCall", () => {
  it.each([
    ["add-source", "addSource"],
    ["query-source", "querySource"],
  ])("makes the bytes that dbus-send sent (%s), but for the flag that starts nobody", (capture, member) => {
    const expected = lastMessage(capture, "sent").slice();
    expected[2] = 2;
    expect(encodeCall({ ...firewalld, serial: 2, member, args: ["trusted", "10.1.2.3/32"] })).toEqual(expected);
  });

  it("leaves the signature out of a call without arguments", () => {
    const bytes = encodeCall({ ...firewalld, serial: 1, member: "Hello", args: [] });
    expect(messageLength(bytes)).toBe(bytes.length);
    expect(decodeReply(bytes).value).toBeUndefined();
  });
});

describe("decodeReply", () => {
  it("reads a string and whose answer it is", () => {
    expect(decodeReply(lastMessage("add-source", "received"))).toEqual({
      type: MESSAGE_TYPE.METHOD_RETURN,
      replySerial: 2,
      errorName: undefined,
      value: "trusted",
    });
  });

  it("reads a boolean", () => {
    expect(decodeReply(lastMessage("query-source", "received"))).toMatchObject({ replySerial: 2, value: true });
  });

  it("reads an error with its text", () => {
    expect(decodeReply(lastMessage("add-source-again", "received"))).toEqual({
      type: MESSAGE_TYPE.ERROR,
      replySerial: 2,
      errorName: "org.fedoraproject.FirewallD1.Exception",
      value: "ZONE_ALREADY_SET: '10.1.2.3/32' already bound to 'trusted'",
    });
  });

  it("reads a signal, which answers nothing", () => {
    const [, signal = new Uint8Array()] = capturedMessages("add-source", "received");
    expect(decodeReply(signal)).toMatchObject({ type: 4, replySerial: undefined });
  });

  it("refuses a message that is cut short anywhere, and says so", () => {
    const whole = lastMessage("add-source", "received");
    for (let length = 1; length < whole.length; length++)
      expect(() => decodeReply(whole.subarray(0, length)), `${length} bytes`).toThrow(
        "Cannot decode a D-Bus message: cut short",
      );
  });

  it("reads a message of a machine with the other byte order", () => {
    // METHOD_RETURN with serial 9 to the call 2: REPLY_SERIAL, SIGNATURE "b", true
    const fields = "05017500" + "00000002" + "08016700" + "01620000";
    const bytes = Buffer.from(`4202000100000004000000090000000f${fields}00000001`, "hex");
    expect(messageLength(bytes)).toBe(bytes.length);
    expect(decodeReply(bytes)).toEqual({ type: 2, replySerial: 2, errorName: undefined, value: true });
  });

  it("refuses a header field of a type that there is not in one", () => {
    const bytes = Buffer.from("6c020001000000000900000008000000" + "0501640000000000", "hex");
    expect(() => decodeReply(bytes)).toThrow('Cannot decode a D-Bus message: it has a value of type "d"');
  });

  it("refuses bytes that name no byte order", () => {
    expect(() => decodeReply(Uint8Array.from({ length: 32 }))).toThrow("names no byte order");
  });
});

describe("messageLength", () => {
  it("is known from a message's first 16 bytes", () => {
    for (const message of capturedMessages("add-source", "received"))
      expect(messageLength(message.subarray(0, PROLOGUE_SIZE))).toBe(message.length);
  });
});
