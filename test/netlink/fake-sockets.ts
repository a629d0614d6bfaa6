import fs from "node:fs";
import { vi } from "vitest";
import { ERRNO } from "../../src/platform/errno.ts";
import { libc } from "../../src/platform/libc.ts";
import { hexOf } from "./captured.ts";

/** Descriptors of no file. */
const FIRST = 100_000;

/** A datagram for whoever receives next, from the kernel or another sender. Or the errno of a refusal. */
type Answer = { readonly bytes: Uint8Array; readonly sender?: Uint8Array } | number;

/** struct sockaddr_nl of the kernel. */
const KERNEL = Uint8Array.of(16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

/**
 * Stands in for the system calls of sockets until vi.restoreAllMocks(). Each datagram that is sent is answered from a list, of which a
 * function may make one. Time passes only while somebody waits in vain.
 */
export class FakeSockets {
  /** What each socket was opened with, and what was asked of it, in words. */
  readonly log: string[] = [];
  /** In hex. */
  readonly sent: string[] = [];
  /** Sockets that are open. */
  open = 0;
  readonly answers: Answer[] = [];
  /** The errnos of the next refusals to send. */
  readonly refusals: number[] = [];
  /** Socket options that this kernel does not have. */
  readonly unknownOptions: number[] = [];
  #errno = 0;
  #now = 0;
  #last = FIRST;

  constructor() {
    const { functions } = libc();
    const { closeSync } = fs;
    vi.spyOn(libc(), "errno").mockImplementation(() => this.#errno);
    vi.spyOn(performance, "now").mockImplementation(() => this.#now);
    vi.spyOn(functions, "socket").mockImplementation((family, type, protocol) => {
      this.log.push(`socket ${family} ${type} ${protocol}`);
      this.open++;
      return ++this.#last;
    });
    vi.spyOn(fs, "closeSync").mockImplementation((fd) => {
      if (fd > FIRST) this.open--;
      else closeSync(fd);
    });
    vi.spyOn(functions, "setsockopt").mockImplementation((_fd, level, name, value) => {
      this.log.push(`set ${level} ${name} ${hexOf(value ?? new Uint8Array())}`);
      return this.unknownOptions.includes(name) ? -1 : 0;
    });
    vi.spyOn(functions, "bind").mockImplementation((_fd, address) => {
      this.log.push(`bind ${hexOf(address ?? new Uint8Array())}`);
      return 0;
    });
    vi.spyOn(functions, "sendto").mockImplementation((_fd, bytes, length, _flags, address) => {
      const refusal = this.refusals.shift();
      if (refusal !== undefined) return this.#refuse(refusal);
      this.log.push(`send to ${hexOf(address ?? new Uint8Array())}`);
      this.sent.push(hexOf(bytes ?? new Uint8Array()));
      return length;
    });
    vi.spyOn(functions, "recvfrom").mockImplementation((_fd, buffer, _length, _flags, sender) => {
      const answer = this.answers.shift() ?? ERRNO.EAGAIN;
      if (typeof answer === "number") return this.#refuse(answer);
      sender?.set(answer.sender ?? KERNEL);
      buffer?.set(answer.bytes);
      return answer.bytes.length;
    });
    vi.spyOn(functions, "poll").mockImplementation((_fds, _count, timeout) => {
      this.#now += timeout;
      return 0;
    });
  }

  /** Milliseconds that somebody has waited. */
  get waited(): number {
    return this.#now;
  }

  #refuse(errno: number): number {
    this.#errno = errno;
    return -1;
  }
}
