import fs from "node:fs";
import path from "node:path";
import { decodeMessages, type Message } from "../../src/netlink/message.ts";

const folder = path.join(import.meta.dirname, "../captures/nftables");

/** The messages in a capture of one kind and direction, in order; throws where there are none. */
export function captured(name: string, direction: "sent" | "received", kind?: string): readonly Message[] {
  const messages: Message[] = [];
  let current = "";
  for (const line of fs.readFileSync(path.join(folder, `${name}.hex`), "utf8").split("\n")) {
    const [word = "", hex = ""] = line.split(" ");
    if (word === "##") current = hex;
    else if (current === direction && word !== "" && (kind ?? word) === word) {
      messages.push(...decodeMessages(new Uint8Array(Buffer.from(hex, "hex"))));
    }
  }
  if (messages.length === 0) throw new Error(`Cannot find ${direction} ${kind} in ${name}.hex`);
  return messages;
}

/** The payloads of the same. */
export function payloads(name: string, direction: "sent" | "received", kind: string): readonly Uint8Array[] {
  return captured(name, direction, kind).map(({ payload }) => payload);
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
