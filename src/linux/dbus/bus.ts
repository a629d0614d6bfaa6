import { concat } from "../../platform/bytes.ts";
import { connectUnix, type UnixStream } from "../unix-stream.ts";
import {
  decodeReply,
  encodeCall,
  MESSAGE_TYPE,
  type MethodCall,
  messageLength,
  PROLOGUE_SIZE,
  type Reply,
} from "./message.ts";

/** How long an answer may take, in ms. firewalld serves one call at a time, and reloading its configuration takes it seconds. */
const ANSWER_MS = 60_000;

/** The longest accepted message, in bytes. Answers to our calls have one or two hundred bytes. */
const MAX_MESSAGE = 1 << 20;

/** The bus itself. D-Bus Specification, "Message Bus Messages" */
const BUS = { destination: "org.freedesktop.DBus", path: "/org/freedesktop/DBus", interface: "org.freedesktop.DBus" };

/** The destination, method and arguments of a call. */
export type Call = Omit<MethodCall, "serial">;

/** The other end refused a call. `errorName` is the D-Bus error name. */
export class DbusError extends Error {
  override readonly name = "DbusError";
  readonly errorName: string;

  constructor(errorName: string, message: string) {
    super(message);
    this.errorName = errorName;
  }
}

/** A connection to a message bus. Everything is synchronous: a call waits for its answer, at most 60 seconds. */
export interface Bus {
  /** Returns the first value of the answer. @throws DbusError if the call is refused, LinuxError without an answer */
  readonly call: (call: Call) => string | boolean | undefined;
  /** Whether the name has an owner. Does not start the service. */
  readonly hasOwner: (name: string) => boolean;
  readonly close: () => void;
}

/**
 * Connects to the bus at a socket, as the user of this process. Sends the whole handshake before it reads an answer.
 * @throws LinuxError if there is no bus, DbusError if it refuses
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

/** The state of a connection: received bytes that are not read yet, and the last serial. */
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

/**
 * Waits until the server accepts us. It first asks for an identity, for which we let the socket's credentials stand. D-Bus Specification,
 * "Authentication Protocol"
 */
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

/** Skips signals, and answers to other calls. */
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
