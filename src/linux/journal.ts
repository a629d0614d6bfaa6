import { discard } from "./discard.ts";
import { AF, openSocket, SOCK } from "./socket.ts";
import { connect, write } from "./unix-stream.ts";

/** Where systemd-journald listens. systemd-journald.service(8) */
const SOCKET = "/run/systemd/journal/socket";

/**
 * Sends one entry to the journal by its native protocol: one datagram with a line for each field. Names are in capitals. @throws
 * LinuxError if there is no journal, or it does not take the entry now
 */
export function sendToJournal(fields: Readonly<Record<string, string>>, socket = SOCKET): void {
  const fd = openSocket(AF.UNIX, SOCK.DGRAM, 0);
  try {
    connect(fd, socket);
    write(fd, encodeEntry(fields));
  } finally {
    discard(fd);
  }
}

/** The fields as "NAME=value" lines; a value of several lines as a line with the name, its length as a little-endian u64, and the value. */
export function encodeEntry(fields: Readonly<Record<string, string>>): Uint8Array {
  const encoder = new TextEncoder();
  const parts = Object.entries(fields).map(([name, value]) => {
    const bytes = encoder.encode(value);
    if (!bytes.includes(NEWLINE)) return [...encoder.encode(`${name}=`), ...bytes, NEWLINE];
    const length = new Uint8Array(BigUint64Array.of(BigInt(bytes.length)).buffer);
    return [...encoder.encode(`${name}\n`), ...length, ...bytes, NEWLINE];
  });
  return Uint8Array.from(parts.flat());
}

const NEWLINE = 10;
