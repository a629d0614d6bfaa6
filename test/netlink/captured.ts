import fs from "node:fs";
import path from "node:path";
import { decodeAttributes } from "../../src/netlink/attribute.ts";
import { readLink } from "../../src/netlink/link/message.ts";
import { decodeMessages, type Message } from "../../src/netlink/message.ts";
import { RTM } from "../../src/netlink/rtnetlink.ts";

const folder = path.join(import.meta.dirname, "../captures/rtnetlink");

/** The bytes of each message in a capture that went one way, in order. */
export function capturedBytes(name: string, direction: "sent" | "received"): readonly Uint8Array[] {
  const found: Uint8Array[] = [];
  let current = "";
  for (const line of fs.readFileSync(path.join(folder, `${name}.hex`), "utf8").split("\n")) {
    const [word = "", hex = ""] = line.split(" ");
    if (word === "##") current = hex;
    else if (current === direction && word !== "") found.push(bytesOf(hex));
  }
  return found;
}

/** The messages of one type (RTM, NLMSG) among them; throws where there are none. */
export function captured(name: string, direction: "sent" | "received", type: number): readonly Message[] {
  const messages = capturedBytes(name, direction).flatMap((bytes) => decodeMessages(bytes));
  const found = messages.filter((message) => message.type === type);
  if (found.length === 0) throw new Error(`Cannot find a message of type ${type} ${direction} in ${name}.hex`);
  return found;
}

/** The last of them: `ip` asks a few other things first. */
export function lastOf(name: string, direction: "sent" | "received", type: number): Message {
  const message = captured(name, direction, type).at(-1);
  if (message === undefined) throw new Error("unreachable");
  return message;
}

/** What the kernel said of a link; `ip` asks after others as well, such as a port's bridge. */
export function linkIn(name: string, link: string): Message {
  const message = captured(name, "received", RTM.NEWLINK).findLast(({ payload }) => readLink(payload).name === link);
  if (message === undefined) throw new Error(`Cannot find link ${link} in ${name}.hex`);
  return message;
}

/** A payload's structure in hex, and its attributes in hex, sorted: what must be the same after decoding and encoding. */
export function contentOf(payload: Uint8Array, headerSize: number): readonly string[] {
  const attributes = decodeAttributes(payload.subarray(headerSize));
  const texts = attributes.map(({ type, value, nested }) => `${type}${nested ? " nested" : ""} ${hexOf(value)}`);
  return [hexOf(payload.subarray(0, headerSize)), ...texts.sort()];
}

export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

export function bytesOf(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, "hex"));
}
