import fs from "node:fs";
import path from "node:path";

const folder = path.join(import.meta.dirname, "../../captures/dbus");

/** The messages of a capture that went one way, in order. */
export function capturedMessages(name: string, direction: "sent" | "received"): readonly Uint8Array[] {
  const sections = fs.readFileSync(path.join(folder, `${name}.hex`), "utf8").split(/^## /m);
  return sections
    .filter((section) => section.startsWith(direction))
    .flatMap((section) => section.split("\n").slice(1))
    .filter((line) => line !== "")
    .map((hex) => new Uint8Array(Buffer.from(hex, "hex")));
}

/** The last of them: tools greet the bus first. */
export function lastMessage(name: string, direction: "sent" | "received"): Uint8Array {
  const message = capturedMessages(name, direction).at(-1);
  if (message === undefined) throw new Error(`Cannot find a message ${direction} in ${name}.hex`);
  return message;
}
