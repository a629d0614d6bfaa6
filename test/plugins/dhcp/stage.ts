import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, vi } from "vitest";
import { leasePath, readLeaseFile } from "../../../plugins/dhcp/lease-file.ts";
import type { LeaseRecord } from "../../../plugins/dhcp/lease-record.ts";
import { plugin } from "../../../plugins/dhcp/main.ts";
import { createRequest, type Request } from "../../../src/cni/request.ts";
import type { Result } from "../../../src/cni/result.ts";
import { formatResult } from "../../../src/cni/result-json.ts";
import { addAddress } from "../../../src/netlink/address/add.ts";
import { addVeth } from "../../../src/netlink/link/add.ts";
import { getLink } from "../../../src/netlink/link/get.ts";
import type { Container } from "../../../src/steps/host.ts";
import { FakeKernel } from "../../kernel/fake-kernel.ts";
import { hostOn } from "../../kernel/host.ts";
import type { FakeNamespace } from "../../kernel/namespace.ts";
import { beginLan, lan } from "./lan.ts";

// A container's interface for the verbs of dhcp, on a kernel in memory, and lan.ts beyond it. A file that imports this replaces the modules
// that open sockets and wait by those of lan.ts.

/** The interface's MAC, and what dnsmasq gave. */
export const MAC = "02:00:00:00:00:05";
export const GIVEN = "192.168.1.30";

/** The messages of a lease that is acquired, and those that give it back. */
export const ASKED = ["DISCOVER from 0.0.0.0 to 255.255.255.255", "REQUEST from 0.0.0.0 to 255.255.255.255"];
export const RELEASED = `RELEASE by UDP from ${GIVEN} to 192.168.1.1`;
export const RELEASED_IN_PACKET = `RELEASE from ${GIVEN} to 192.168.1.1`;

/** The same of IPv6. */
export const LINK_LOCAL = "fe80::ff:fe00:5";
export const ASKED6 = ["SOLICIT6", "REQUEST6"].map((name) => `${name} from ${LINK_LOCAL} to ff02::1:2`);
export const RELEASED6 = `RELEASE6 from ${LINK_LOCAL} to ff02::1:2`;

/** The configuration of a lease of each family. */
export const BOTH = { families: [4, 6] };

let folder: string;

/** What the verbs of this test have logged. */
export const logged: string[] = [];

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "dhcp-"));
  logged.length = 0;
  beginLan();
});

afterEach(() => {
  vi.useRealTimers();
  fs.rmSync(folder, { recursive: true });
  // Whatever has happened, each socket is closed.
  expect(lan.open.size).toBe(0);
});

/** The folder of leases, in a folder of the test's own. */
export const store = () => path.join(folder, "dhcp");

/** The names of the files in it. */
export const files = () => (fs.existsSync(store()) ? fs.readdirSync(store()).sort() : []);

/** What a verb is called with. */
interface Calling {
  readonly ipam?: object;
  readonly netns?: string;
  readonly args?: string;
  readonly given?: Result | undefined;
  readonly network?: string;
  readonly containerId?: string;
  /** What GC has to keep; undefined is no list. */
  readonly valid?: readonly object[];
}

/** A call for eth0 of container c1 on network "lan". */
export function requestOf(command: Request["command"], calling: Calling = {}): Request {
  const {
    ipam,
    netns = "/run/netns/container",
    args = "",
    given,
    network = "lan",
    containerId = "c1",
    valid,
  } = calling;
  const json = {
    cniVersion: "1.1.0",
    name: network,
    ipam: { type: "dhcp", daemonSocketPath: `${store()}.sock`, timeout: 3, ...ipam },
    prevResult: given && JSON.parse(formatResult(given, "1.1.0")),
    "cni.dev/valid-attachments": valid,
  };
  const environment = { CNI_CONTAINERID: containerId, CNI_IFNAME: "eth0", CNI_NETNS: netns, CNI_ARGS: args };
  return createRequest(command, {
    network: { name: network, json },
    version: "1.1.0",
    stdin: new TextEncoder().encode(JSON.stringify(json)),
    environment,
    log: (line) => logged.push(line),
  });
}

/** A container with eth0, whose other end is up on the host. */
export function arrange() {
  const kernel = new FakeKernel();
  const container = kernel.addNamespace("container");
  const open = kernel.openContainer.bind(kernel);
  vi.spyOn(kernel, "openContainer").mockImplementation((namespace) => watched(open(namespace), namespace));
  const outside = kernel.openRoute();
  addVeth(outside, { name: "v0", up: true, peer: { name: "eth0", mac: MAC, netns: container.fd } });
  lan.onWait = () => container.later.shift()?.();
  const host = hostOn(kernel);
  const inside = kernel.openRoute(container);
  const eth0 = () => getLink(inside, "eth0");
  return { kernel, container, host, outside, inside, eth0 };
}

export type Stage = ReturnType<typeof arrange>;

/** The container, whose `within` says where the thread is. */
function watched(container: Container, namespace: FakeNamespace): Container {
  const within: Container["within"] = (run) => {
    lan.place = namespace;
    try {
      return container.within(run);
    } finally {
      lan.place = undefined;
    }
  };
  return { ...container, within };
}

/** Each verb. */
export function add({ host }: Stage, calling?: Calling): Result {
  return plugin.add(requestOf("ADD", calling), host);
}

export const check = ({ host }: Stage, calling?: Calling) => plugin.check(requestOf("CHECK", calling), host);
export const del = ({ host }: Stage, calling?: Calling) => plugin.del(requestOf("DEL", calling), host);
export const gc = ({ host }: Stage, calling?: Calling) => plugin.gc?.(requestOf("GC", calling), host);
export const status = ({ host }: Stage, calling?: Calling) => plugin.status?.(requestOf("STATUS", calling), host);

/** The same with leases, and the addresses that an interface plugin adds of the result. Nothing counts as sent yet. */
export function attach(calling?: Calling) {
  const stage = arrange();
  const given = add(stage, calling);
  for (const ip of given.ips) addAddress(stage.inside, stage.eth0(), { prefix: ip.address });
  lan.sent.length = 0;
  lan.connected.length = 0;
  return { ...stage, given };
}

/** The record of a lease of eth0. */
export function recordOf(family: 4 | 6, containerId = "c1"): LeaseRecord {
  const found = readLeaseFile(leasePath(store(), { network: "lan", containerId, ifname: "eth0" }, family));
  if (found === undefined) throw new Error("no record");
  return found.record;
}

/** What an attachment has: its files, what servers know of it, and its namespace. */
export function ownOf({ kernel }: Pick<Stage, "kernel">) {
  return { files: files(), leases: [...lan.leases], inside: kernel.snapshot()["container"] };
}

/**
 * Calls a verb on attachments of both families, made anew, and each time another of its requests fails: refused, and carried out with the
 * answer lost. `look` is told which one it was and whether the call said so.
 */
export function failVerb(
  act: (stage: ReturnType<typeof attach>) => void,
  look: (stage: ReturnType<typeof attach>, seen: { asked: string; isSaid: boolean }) => void,
): void {
  for (const how of ["refuse", "loseAnswer"] as const) {
    for (let n = 1; ; n++) {
      fs.rmSync(store(), { recursive: true, force: true });
      lan.leases.clear();
      const stage = attach({ ipam: BOTH });
      logged.length = 0;
      const { kernel } = stage;
      const from = kernel.requests;
      kernel[how](n);
      const isSaid = isThrown(() => act(stage));
      const isOver = kernel.requests < from + n;
      kernel.heal();
      if (isOver) {
        expect({ isSaid, isAny: n > 1 }).toEqual({ isSaid: false, isAny: true });
        break;
      }
      look(stage, { asked: `${how} ${kernel.log[from + n - 1]}`, isSaid });
    }
  }
}

function isThrown(act: () => void): boolean {
  try {
    act();
    return false;
  } catch {
    return true;
  }
}
