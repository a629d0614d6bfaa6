import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { connectBus, DbusError } from "../../../src/linux/dbus/bus.ts";
import { ERRNO } from "../../../src/platform/errno.ts";
import { libc } from "../../../src/platform/libc.ts";
import { capturedMessages, lastMessage } from "./captured.ts";

// Another process plays the bus, for our calls wait: whatever it is told, it answers with the bytes of a file, a piece at a time where asked to.

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "bus-"));
const SERVER = `
  const [socket, file, size] = process.argv.slice(1);
  const answer = require("node:fs").readFileSync(file);
  require("node:net").createServer((peer) => {
    peer.on("error", () => {});
    peer.once("data", async () => {
      for (let at = 0; at < answer.length; at += Number(size)) {
        peer.write(answer.subarray(at, at + Number(size)));
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      peer.end();
    });
  }).listen(socket, () => console.log("ready"));
`;
const servers: ChildProcess[] = [];

/** Starts a bus that answers so; returns its socket. */
async function startBus(name: string, answer: readonly (string | Uint8Array)[], size = 65536): Promise<string> {
  const [socket, file] = [path.join(folder, name), path.join(folder, `${name}.answer`)];
  fs.writeFileSync(file, Buffer.concat(answer.map((part) => Buffer.from(part))));
  const server = spawn(process.execPath, ["-e", SERVER, socket, file, String(size)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  servers.push(server);
  if (server.stdout !== null) await once(server.stdout, "data");
  return socket;
}

const ACCEPTED = "DATA\r\nOK 0123456789abcdef0123456789abcdef\r\n";
const [hello = new Uint8Array(), signal = new Uint8Array()] = capturedMessages("add-source", "received");
const call = { destination: "org.fedoraproject.FirewallD1", path: "/p", interface: "i", member: "m", args: [] };
let sockets: Readonly<
  Record<"whole" | "pieces" | "owned" | "refusing" | "rejecting" | "closing" | "endless" | "babbling", string>
>;

beforeAll(async () => {
  const endless = hello.slice();
  new DataView(endless.buffer).setUint32(4, 0x7fffffff, true);
  const answer = lastMessage("add-source", "received");
  sockets = {
    whole: await startBus("whole", [ACCEPTED, hello, signal, answer]),
    pieces: await startBus("pieces", [ACCEPTED, hello, signal, answer], 7),
    owned: await startBus("owned", [ACCEPTED, hello, signal, lastMessage("query-source", "received")]),
    refusing: await startBus("refusing", [ACCEPTED, hello, signal, lastMessage("add-source-again", "received")]),
    rejecting: await startBus("rejecting", ["REJECTED EXTERNAL\r\n"]),
    closing: await startBus("closing", [ACCEPTED, hello.subarray(0, 20)]),
    endless: await startBus("endless", [ACCEPTED, endless]),
    babbling: await startBus("babbling", ["DATA ".repeat(300_000)]),
  };
});

afterAll(() => {
  for (const server of servers) server.kill();
  fs.rmSync(folder, { recursive: true, force: true });
});

test.each(["whole", "pieces"] as const)(
  "a call returns its answer and passes over signals, however they come (%s)",
  (name) => {
    const bus = connectBus(sockets[name]);
    expect(bus.call(call)).toBe("trusted");
    bus.close();
  },
);

test("a call throws the error that it is answered with", () => {
  const bus = connectBus(sockets.refusing);
  expect(() => bus.call(call)).toThrow(
    new DbusError(
      "org.fedoraproject.FirewallD1.Exception",
      "ZONE_ALREADY_SET: '10.1.2.3/32' already bound to 'trusted'",
    ),
  );
  bus.close();
});

test("hasOwner() is whether the bus says so", () => {
  const [owned, other] = [connectBus(sockets.owned), connectBus(sockets.whole)];
  expect([owned.hasOwner("a.b"), other.hasOwner("a.b")]).toEqual([true, false]);
  owned.close();
  other.close();
});

test("connectBus() greets the bus as the user of this process, and asks for nothing but a name", () => {
  const sent: string[] = [];
  const { sendto } = libc().functions;
  vi.spyOn(libc().functions, "sendto").mockImplementation((fd, bytes, ...rest) => {
    sent.push(Buffer.from(bytes ?? []).toString("latin1"));
    return sendto(fd, bytes, ...rest);
  });
  const bus = connectBus(sockets.owned);
  bus.hasOwner("a.b");
  bus.close();
  const [greeting, hi, question] = sent;
  expect(greeting).toBe("\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n");
  const words = (text = "") => text.match(/[A-Za-z][\w./]{2,}/g);
  expect(words(hi)).toEqual(["org/freedesktop/DBus", "org.freedesktop.DBus", "Hello", "org.freedesktop.DBus"]);
  expect(words(question)?.slice(2)).toEqual(["NameHasOwner", "org.freedesktop.DBus", "a.b"]);
  vi.restoreAllMocks();
});

test("connectBus() leaves nothing open where it fails", () => {
  const before = fs.readdirSync("/proc/self/fd").length;
  expect(() => connectBus(sockets.rejecting)).toThrow(DbusError);
  expect(fs.readdirSync("/proc/self/fd").length).toBe(before);
});

test("connectBus() says how it was rejected", () => {
  expect(() => connectBus(sockets.rejecting)).toThrow(
    new DbusError("REJECTED", 'The message bus answered "REJECTED EXTERNAL"'),
  );
});

test("connectBus() fails where the bus ends in the middle of an answer", () => {
  expect(() => connectBus(sockets.closing)).toThrow(expect.objectContaining({ errno: ERRNO.EPIPE }));
});

test("connectBus() waits for no message that nobody can have meant", () => {
  expect(() => connectBus(sockets.endless)).toThrow(/^Cannot read a D-Bus message of \d+ bytes$/);
});

test("connectBus() takes no line without an end", () => {
  expect(() => connectBus(sockets.babbling)).toThrow(/^Cannot read a line of \d+ bytes from the message bus$/);
});

test("connectBus() fails where there is no bus", () => {
  expect(() => connectBus(path.join(folder, "nothing"))).toThrow(expect.objectContaining({ errno: ERRNO.ENOENT }));
});
