import type { NetlinkRequest } from "../../src/netlink/answers.ts";
import type { Netlink, Nfnetlink, Protocol, Rtnetlink } from "../../src/netlink/socket.ts";
import { ERRNO, LinuxError } from "../../src/platform/errno.ts";
import type { Container } from "../../src/steps/host.ts";
import { makeTap } from "./link-making.ts";
import { type Features, Machine } from "./machine.ts";
import type { FakeNamespace } from "./namespace.ts";
import { answerNetfilter, applyBatch, BATCH } from "./netfilter.ts";
import { Refusal } from "./refusal.ts";
import { answerRtnetlink } from "./rtnetlink.ts";
import { type Picture, pictureOf } from "./snapshot.ts";
import { fakeSocket, type Outcome } from "./socket.ts";

/** Descriptors of sockets begin here: no process has so many. */
const FIRST_SOCKET = 2_000_000;

/**
 * A small kernel in memory: network namespaces with links, addresses, routes, traffic control, parameters, nf_tables and
 * tracked connections, as far as plugins can tell it from the real one. `host` is there from the beginning.
 */
export class FakeKernel {
  /** What was asked, in order, in the words of errors: 'host: add bridge "br0"'. A transaction is one entry. */
  readonly log: string[] = [];
  /** Sockets that are open, and which namespace each serves. */
  readonly open = new Map<number, FakeNamespace>();
  readonly host: FakeNamespace;
  readonly #machine = new Machine();
  readonly #refused = new Map<number, number>();
  readonly #lost = new Set<number>();
  #sockets = 0;

  constructor() {
    this.host = this.#machine.addNamespace("host");
  }

  /** What it can do; a test takes away what it wants to miss. */
  get features(): Features {
    return this.#machine.features;
  }

  /** All of them, the host's first. */
  get namespaces(): readonly FakeNamespace[] {
    return this.#machine.namespaces;
  }

  /** How many datagrams it has been sent so far. */
  get requests(): number {
    return this.log.length;
  }

  /** As if the kernel took its time: links come up, and what is begun is done, only when somebody waits for it. */
  set isSlow(isSlow: boolean) {
    this.#machine.isSlow = isSlow;
  }

  /** A further namespace, with lo up unless told. */
  addNamespace(name: string, options: { up?: boolean } = {}): FakeNamespace {
    return this.#machine.addNamespace(name, options);
  }

  /** The namespace at a path. @throws LinuxError ENOENT */
  namespaceAt(path: string): FakeNamespace {
    const found = this.#machine.namespaces.find((namespace) => namespace.path === path);
    if (found !== undefined) return found;
    throw new LinuxError(`open netns "${path}"`, { syscall: "open", errno: ERRNO.ENOENT });
  }

  /** The namespace that a descriptor of a socket or of a namespace is of. @throws LinuxError EBADF */
  namespaceOf(fd: number): FakeNamespace {
    return this.open.get(fd) ?? this.#machine.byDescriptor(fd);
  }

  /** A socket of NETLINK_ROUTE in a namespace, the host's unless told. */
  openRoute(namespace = this.host): Rtnetlink {
    return this.#open("route", namespace, (requests) => requests.map((request) => this.#answer(namespace, request)));
  }

  /** A socket of NETLINK_NETFILTER in a namespace, the host's unless told. */
  openNetfilter(namespace = this.host): Nfnetlink {
    return this.#open("netfilter", namespace, (requests) => {
      const [first] = requests;
      if (first?.type === BATCH.BEGIN) return this.#applyBatch(namespace, requests);
      return requests.map((request) => this.#answer(namespace, request, { isNetfilter: true }));
    });
  }

  /** What openContainer() gives for a namespace. */
  openContainer(namespace: FakeNamespace): Container {
    const { path, fd, sysctls } = namespace;
    return {
      path,
      netns: fd,
      netlink: this.openRoute(namespace),
      within: (run) => run(sysctls),
      addTap: (tap) => this.#act(namespace, `add tap "${tap.name}"`, () => makeTap(this.#machine, namespace, tap)),
      identify: () => `${fd}`,
    };
  }

  /** Has the n-th request from now on refused, whichever socket it comes from; the first is 1. */
  refuse(n: number, errno: number = ERRNO.ENOMEM): void {
    this.#refused.set(this.requests + n, errno);
  }

  /** Has the n-th request from now on carried out, but its answer lost. */
  loseAnswer(n: number): void {
    this.#lost.add(this.requests + n);
  }

  /** Has nothing fail any more. */
  heal(): void {
    this.#refused.clear();
    this.#lost.clear();
  }

  /** All that is there, for a test to compare: numbers that only count on are left out. */
  snapshot(): Picture {
    return Object.fromEntries(this.#machine.namespaces.map((namespace) => [namespace.name, pictureOf(namespace)]));
  }

  /** Does what is no request of netlink, and counts as one. */
  #act(namespace: FakeNamespace, action: string, act: () => void): void {
    this.log.push(`${namespace.name}: ${action}`);
    try {
      const refusal = this.#takeRefusal();
      if (refusal !== undefined) throw refusal;
      act();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      throw new LinuxError(action, { syscall: "ioctl", errno: error.errno });
    }
    if (this.#lost.delete(this.requests)) throw new LinuxError(action, { syscall: "ioctl", errno: ERRNO.ENOMEM });
  }

  #open<P extends Protocol>(
    protocol: P,
    namespace: FakeNamespace,
    work: (requests: readonly NetlinkRequest[]) => readonly Outcome[],
  ): Netlink<P> {
    this.#sockets++;
    const fd = FIRST_SOCKET + this.#sockets;
    this.open.set(fd, namespace);
    const send = (requests: readonly NetlinkRequest[]) => {
      this.log.push(`${namespace.name}: ${describe(requests)}`);
      const outcomes = work(requests);
      if (this.#lost.delete(this.requests)) {
        throw new LinuxError("receive from a socket", { syscall: "recvfrom", errno: ERRNO.ENOBUFS });
      }
      return outcomes;
    };
    return fakeSocket(
      { protocol, namespace, send, isSlow: () => this.#machine.isSlow, onClose: () => void this.open.delete(fd) },
      fd,
    );
  }

  #answer(namespace: FakeNamespace, request: NetlinkRequest, { isNetfilter = false } = {}): Outcome {
    const answer = isNetfilter ? answerNetfilter : answerRtnetlink;
    try {
      const refusal = this.#takeRefusal();
      if (refusal !== undefined) throw refusal;
      return { request, answers: answer(this.#machine, namespace, request), refusal: undefined };
    } catch (error) {
      if (error instanceof Refusal) return { request, answers: [], refusal: error };
      throw error;
    }
  }

  /** A transaction that is to be refused is refused at its first change. */
  #applyBatch(namespace: FakeNamespace, requests: readonly NetlinkRequest[]): readonly Outcome[] {
    const verdicts = applyBatch(this.#machine, namespace, requests, () => this.#takeRefusal());
    return verdicts.map((verdict) => ({ ...verdict, answers: [] }));
  }

  #takeRefusal(): Refusal | undefined {
    const errno = this.#refused.get(this.requests);
    this.#refused.delete(this.requests);
    return errno === undefined ? undefined : new Refusal(errno);
  }
}

/** What a datagram asks for; of a transaction, its changes. */
function describe(requests: readonly NetlinkRequest[]): string {
  const isFrame = ({ type }: NetlinkRequest) => requests.length > 1 && (type === BATCH.BEGIN || type === BATCH.END);
  return requests
    .filter((request) => !isFrame(request))
    .map(({ action }) => action)
    .join("; ");
}
