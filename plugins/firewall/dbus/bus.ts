import { connectUnix, type UnixStream } from "../../../src/linux/unix-stream.ts";
import { concat } from "../../../src/platform/bytes.ts";
import {
  decodeReply,
  encodeCall,
  MESSAGE_TYPE,
  type MethodCall,
  messageLength,
  PROLOGUE_SIZE,
  type Reply,
} from "./message.ts";

/** How long an answer may take: firewalld serves one call after the other, and is busy for seconds while it reads its configuration again. */
const ANSWER_MS = 60_000;

/** The longest message that is taken. An answer to any of our calls is a hundred bytes or two. */
const MAX_MESSAGE = 1 << 20;

/** The bus itself. D-Bus Specification, "Message Bus Messages" */
const BUS = { destination: "org.freedesktop.DBus", path: "/org/freedesktop/DBus", interface: "org.freedesktop.DBus" };

/** Whom a call is for, and what it asks. */
export type Call = Omit<MethodCall, "serial">;

/** The other end refused a call; `errorName` says which way. */
export class DbusError extends Error {
  override readonly name = "DbusError";
  readonly errorName: string;

  constructor(errorName: string, message: string) {
    super(message);
    this.errorName = errorName;
  }
}

/** A connection to a message bus. Everything is synchronous: a call waits for its answer, for 15 seconds at most. */
export interface Bus {
  /** The first value of the answer. @throws DbusError when it is refused, LinuxError without an answer */
  readonly call: (call: Call) => string | boolean | undefined;
  /** Whether somebody has this name. It is not started. */
  readonly hasOwner: (name: string) => boolean;
  readonly close: () => void;
}

/**
 * Connects to the bus at a socket, as the user that this process runs as. The whole greeting goes out before any of its
 * answers is read. @throws LinuxError when there is none, DbusError when it refuses
 */
export function connectBus(socket: string): Bus {
  const stream = connectUnix(socket);
  const session: Session = { stream, received: new Uint8Array(), serial: 0 };
  try {
    stream.write(new TextEncoder().encode("\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n"));
    const hello = send(session, { ...BUS, member: "Hello", args: [] });
    awaitAuthentication(session);
    awaitAnswer(session, hello);
  } catch (error) {
    stream.close();
    throw error;
  }
  const call = (each: Call) => awaitAnswer(session, send(session, each));
  return {
    call,
    hasOwner: (name) => call({ ...BUS, member: "NameHasOwner", args: [name] }) === true,
    close: stream.close,
  };
}

/** A connection as it goes on: what has come and is not read yet, and the last call's number. */
interface Session {
  readonly stream: UnixStream;
  received: Uint8Array;
  serial: number;
}

function send(session: Session, call: Call): number {
  session.serial++;
  session.stream.write(encodeCall({ ...call, serial: session.serial }));
  return session.serial;
}

/** The server first asks for an identity, which we leave to the socket's credentials, and then accepts. D-Bus Specification, "Authentication Protocol" */
function awaitAuthentication(session: Session): void {
  const deadline = performance.now() + ANSWER_MS;
  for (const expected of ["DATA", "OK"]) {
    const line = takeLine(session, deadline);
    if (line.split(" ")[0] !== expected) throw new DbusError("REJECTED", `The message bus answered "${line}"`);
  }
}

function takeLine(session: Session, deadline: number): string {
  for (;;) {
    const end = session.received.indexOf("\n".charCodeAt(0));
    if (end !== -1) return new TextDecoder().decode(take(session, end + 1)).trim();
    const { length } = session.received;
    if (length > MAX_MESSAGE) throw new RangeError(`Cannot read a line of ${length} bytes from the message bus`);
    receive(session, deadline);
  }
}

/** Signals and answers to nobody are passed over. */
function awaitAnswer(session: Session, serial: number): string | boolean | undefined {
  const deadline = performance.now() + ANSWER_MS;
  for (;;) {
    const reply = takeMessage(session, deadline);
    if (reply.replySerial !== serial) continue;
    if (reply.type !== MESSAGE_TYPE.ERROR) return reply.value;
    const { errorName = "", value } = reply;
    throw new DbusError(errorName, typeof value === "string" ? value : errorName);
  }
}

function takeMessage(session: Session, deadline: number): Reply {
  for (;;) {
    const length = session.received.length < PROLOGUE_SIZE ? PROLOGUE_SIZE : messageLength(session.received);
    if (length > MAX_MESSAGE) throw new RangeError(`Cannot read a D-Bus message of ${length} bytes`);
    if (length > PROLOGUE_SIZE && session.received.length >= length) return decodeReply(take(session, length));
    receive(session, deadline);
  }
}

function take(session: Session, length: number): Uint8Array {
  const taken = session.received.subarray(0, length);
  session.received = session.received.subarray(length);
  return taken;
}

function receive(session: Session, deadline: number): void {
  session.received = concat([session.received, session.stream.read(deadline)]);
}
