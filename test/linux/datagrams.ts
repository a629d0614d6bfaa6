import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { AF, bindSocket, openSocket, SOCK } from "../../src/linux/socket.ts";
import { connect, encodeUnixAddress, write } from "../../src/linux/unix-stream.ts";

/** Two sockets, of which one receives what the other sends. It sees a packet as it is, as a filter of packets does. */
export interface Datagrams {
  /** The path of the one that receives. */
  readonly name: string;
  readonly receiver: number;
  readonly sender: number;
  readonly send: (bytes: Uint8Array) => void;
  readonly close: () => void;
}

export function openDatagrams(): Datagrams {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "datagrams-"));
  const name = path.join(folder, "socket");
  const [receiver, sender] = [openSocket(AF.UNIX, SOCK.DGRAM, 0), openSocket(AF.UNIX, SOCK.DGRAM, 0)];
  bindSocket(receiver, encodeUnixAddress(name));
  connect(sender, name);
  const close = () => {
    for (const fd of [receiver, sender]) fs.closeSync(fd);
    fs.rmSync(folder, { recursive: true });
  };
  return { name, receiver, sender, send: (bytes) => write(sender, bytes), close };
}
