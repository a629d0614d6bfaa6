import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Lab } from "../lab.ts";
import { ETHER, frame, received, sendFrames, udp } from "./frames.ts";
import { attacks, honest, type Party, party, type Try } from "./spoof-frames.ts";

// Three containers on one bridge try the same frames, honest ones and attacks: one that nobody checks, so that every frame is known
// to arrive where nothing stops it, one with macspoofchk, one with spoofchk "strict". A fourth sees what arrives.

type Container = Party & { readonly netns: string; readonly port: string };

const CHECKS = { none: {}, mac: { macspoofchk: true }, strict: { spoofchk: "strict" } } as const;
type Check = keyof typeof CHECKS;

let lab: Lab;
let victim: Container;
let gateway: Party;
const containers = new Map<Check, Container>();
const seen = new Map<Check, readonly string[]>();

beforeAll(async () => {
  lab = new Lab();
  victim = attach("victim", "none");
  for (const check of ["none", "mac", "strict"] as const) containers.set(check, attach(check, check));
  const [bridge] = lab.ip("link show dev br0");
  gateway = party(Object(bridge).address, "10.88.0.1", "fd00:88::1");
  // What is for a group goes to all ports, as on a bridge that knows nothing of groups.
  lab.run(["ip", "link", "set", "br0", "type", "bridge", "mcast_snooping", "0"]);
  for (const [check, container] of containers) seen.set(check, await tryAll(container));
});

afterAll(() => lab?.dispose());

function attach(containerId: string, check: Check): Container {
  const netns = lab.addNamespace(containerId);
  const ranges = [[{ subnet: "10.88.0.0/24" }], [{ subnet: "fd00:88::/64" }]];
  const ipam = { type: "host-local", dataDir: lab.dataDir, ranges };
  const config = { cniVersion: "1.1.0", name: "net1", type: "bridge", bridge: "br0", isGateway: true, ipam };
  const outcome = lab.plugin("bridge", { command: "ADD", config: { ...config, ...CHECKS[check] }, containerId, netns });
  expect(outcome).toMatchObject({ status: 0, stderr: "" });
  const { interfaces, ips } = JSON.parse(outcome.stdout);
  const [ip, ip6] = ips.map((each: { address: string }) => each.address.replace(/\/.*/, ""));
  return { ...party(interfaces[2].mac, ip, ip6), netns, port: interfaces[1].name };
}

function get<T>(map: ReadonlyMap<Check, T>, check: Check): T {
  const found = map.get(check);
  if (found === undefined) throw new Error(`There is no ${check}`);
  return found;
}

function tries(me: Party): readonly Try[] {
  return [...honest(me, victim), ...attacks(me, victim, gateway)];
}

/** The names of the frames that the victim sees of all that a container tries. */
async function tryAll(container: Container): Promise<readonly string[]> {
  const all = tries(container);
  const last = frame(container.mac, victim.mac, ETHER.IP, udp(container.ip, victim.ip, { text: "the last" }));
  const frames = [...all.map((each) => each.frame), last];
  const arrived = await received(victim.netns, { link: "eth0", last }, () => sendFrames(lab, frames, container));
  return all.filter((each) => arrived.includes(each.frame)).map(({ name }) => name);
}

/** The names that the tests are made of, before there are containers. */
const [ME, OTHER, ROUTER] = [1, 2, 3].map((n) => party(`02:00:00:00:00:0${n}`, `10.88.0.${n}`, `fd00:88::${n}`));
const HONEST = ME && OTHER ? honest(ME, OTHER) : [];
const ATTACKS = ME && OTHER && ROUTER ? attacks(ME, OTHER, ROUTER) : [];

describe("a container that is not checked", () => {
  it.each([...HONEST, ...ATTACKS].map(({ name }) => name))("gets through with %s", (name) => {
    expect(get(seen, "none")).toContain(name);
  });
});

describe.each(["mac", "strict"] as const)("a container that is checked by %s", (check) => {
  it.each(HONEST.map(({ name }) => name))("gets through with %s", (name) => {
    expect(get(seen, check)).toContain(name);
  });

  it.each(ATTACKS.filter((each) => !each[check]).map(({ name }) => name))("does not with %s", (name) => {
    expect(get(seen, check)).not.toContain(name);
  });
});
