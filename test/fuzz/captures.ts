import fs from "node:fs";
import path from "node:path";
import { decodeMessages } from "../../src/netlink/message.ts";

const folder = path.join(import.meta.dirname, "../captures");

/** Every run of bytes in the captures of one kind, each once. */
export function capturesOf(
  kind: "rtnetlink" | "nftables" | "conntrack" | "dbus" | "dhcp" | "dhcp6" | "iptables",
): readonly Uint8Array[] {
  const texts = fs
    .readdirSync(path.join(folder, kind))
    .filter((name) => name.endsWith(".hex"))
    .flatMap((name) => fs.readFileSync(path.join(folder, kind, name), "utf8").split("\n"))
    .map((line) => /(?:^| )((?:[0-9a-f]{2}){8,})$/.exec(line)?.[1] ?? "");
  const found = [...new Set(texts)]
    .filter((text) => text !== "")
    .map((text) => new Uint8Array(Buffer.from(text, "hex")));
  if (found.length === 0) throw new Error(`Cannot find bytes in the captures of ${kind}`);
  return found;
}

/** The payloads of all messages in such captures. */
export function payloadsOf(kind: "rtnetlink" | "nftables" | "conntrack"): readonly Uint8Array[] {
  return capturesOf(kind).flatMap((bytes) => decodeMessages(bytes).map(({ payload }) => payload));
}

/** Captured results, one of each version as each version. */
export function capturedResults(): readonly Uint8Array[] {
  const results = path.join(folder, "results");
  return fs.readdirSync(results).map((name) => new Uint8Array(fs.readFileSync(path.join(results, name))));
}
