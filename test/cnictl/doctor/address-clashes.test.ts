import { expect, test } from "vitest";
import { addressClashCheck } from "../../../src/cnictl/doctor/address-clashes.ts";
import type { KnownAttachment } from "../../../src/cnictl/inventory/attachments.ts";
import { ERRNO, LinuxError } from "../../../src/platform/errno.ts";
import type { Network } from "../../../src/runtime/network.ts";
import { prefix } from "../../netlink/text.ts";
import { examinationOf, networkOf, ROUTED, wrong } from "./examinee.ts";
import { attachment, cached, inventoryOf } from "./inventory.ts";

/** The addresses in a namespace by its path: link, then addresses. */
type Inside = Readonly<Record<string, readonly (readonly [link: string, address: string])[]>>;

const blue = member("blue", { addresses: ["10.88.0.2/16", "fd00:88::2/64"] });
const green = member("green", { addresses: ["10.88.0.3/16", "fd00:88::3/64"] });

function member(
  name: string,
  {
    addresses,
    ...parts
  }: { addresses: readonly string[] } & Partial<KnownAttachment & { netns: string; since: number }>,
): KnownAttachment {
  const { netns = `/run/netns/${name}`, since = 0 } = parts;
  return attachment(`c-${name}`, { ...parts, cached: { ...cached(netns, addresses), since } });
}

function examine(attachments: readonly KnownAttachment[], inside: Inside, networks: readonly Network[] = []) {
  const entered: string[] = [];
  const examination = examinationOf(networks, {
    inventory: () => inventoryOf({ attachments }),
    listInside: (netns) => {
      entered.push(netns);
      const found = inside[netns];
      if (found === undefined) throw new LinuxError(`open netns "${netns}"`, { syscall: "open", errno: ERRNO.EACCES });
      const inode = netns.replace("/other/", "/run/netns/");
      return { inode, addresses: found.map(([link, address]) => ({ link, prefix: prefix(address) })) };
    },
  });
  return { found: wrong(addressClashCheck.run(examination)), entered };
}

const OWN: Inside = {
  "/run/netns/blue": [
    ["lo", "127.0.0.1/8"],
    ["eth0", "10.88.0.2/16"],
    ["eth0", "fd00:88::2/64"],
  ],
  "/run/netns/green": [
    ["lo", "127.0.0.1/8"],
    ["eth0", "10.88.0.3/16"],
    ["eth0", "fd00:88::3/64"],
  ],
};

function withMore(netns: string, ...more: Inside[string]): Inside {
  return { ...OWN, [netns]: [...(OWN[netns] ?? []), ...more] };
}

test("containers with their own addresses are as they should be, and each namespace is entered once", () => {
  const second = attachment("c-blue", { ifname: "eth1", cached: cached("/run/netns/blue", ["10.88.0.9/16"]) });
  expect(examine([blue, second, green], withMore("/run/netns/blue", ["eth1", "10.88.0.9/16"]))).toEqual({
    found: [],
    entered: ["/run/netns/blue", "/run/netns/green"],
  });
});

test("the address of another container is an error, on whichever link of the container", () => {
  for (const link of ["eth0", "lo"])
    expect(examine([blue, green], withMore("/run/netns/green", [link, "10.88.0.2/24"])).found).toEqual([
      `error x: 10.88.0.2 of x c-blue eth0 (netns blue) is also on interface ${link} of c-green (netns green) | ip -n green address delete 10.88.0.2/24 dev ${link}`,
    ]);
});

test("an IPv6 address counts on the attachment's interface alone, because a container answers for it there alone", () => {
  const clash = (link: string) => examine([blue, green], withMore("/run/netns/green", [link, "fd00:88::2/64"])).found;
  expect(clash("eth0")).toEqual([expect.stringContaining("fd00:88::2 of x c-blue eth0 (netns blue) is also on")]);
  expect(clash("br-inner")).toEqual([]);
});

test("a namespace without a name is entered by its path in the cure", () => {
  const other = member("green", { addresses: ["10.88.0.3/16"], netns: "/proc/7/ns/net" });
  const inside: Inside = { ...OWN, "/proc/7/ns/net": [["eth0", "10.88.0.2/16"]] };
  expect(examine([blue, other], inside).found).toEqual([
    "error x: 10.88.0.2 of x c-blue eth0 (netns blue) is also on interface eth0 of c-green (netns /proc/7/ns/net) | nsenter --net=/proc/7/ns/net ip address delete 10.88.0.2/16 dev eth0",
  ]);
});

test("two attachments that got one address are one error, and the later one has to go", () => {
  const twin = member("green", { addresses: ["10.88.0.2/16"], since: 5 });
  const inside: Inside = { ...OWN, "/run/netns/green": [["eth0", "10.88.0.2/16"]] };
  expect(examine([blue, twin], inside).found).toEqual([
    "error x: 10.88.0.2 of x c-blue eth0 (netns blue) is also on interface eth0 of c-green (netns green) | stop container c-green, and start it again",
  ]);
});

test("two paths of one namespace are no clash", () => {
  const second = member("blue", { addresses: ["10.88.0.9/16"], netns: "/other/blue", ifname: "eth1" });
  const all = withMore("/run/netns/blue", ["eth1", "10.88.0.9/16"]);
  expect(examine([blue, second], { ...all, "/other/blue": all["/run/netns/blue"] ?? [] }).found).toEqual([]);
});

test("networks of one bridge and VLAN share their addresses, and others do not", () => {
  const list = (name: string, more: object) => networkOf({ name, plugins: [{ ...ROUTED, ...more }] });
  const inside = withMore("/run/netns/green", ["eth0", "10.88.0.2/16"]);
  const clashes = (more: object) =>
    examine([blue, { ...green, network: "y" }], inside, [list("x", {}), list("y", more)]).found.length;
  expect(clashes({})).toBe(1);
  expect(clashes({ vlan: 5 })).toBe(0);
  expect(clashes({ bridge: "cni1" })).toBe(0);
});

test("a namespace that cannot be entered is what cannot be told, and the others are examined", () => {
  const hidden = member("hidden", { addresses: ["10.88.0.4/16"] });
  expect(examine([hidden, blue, green], withMore("/run/netns/green", ["eth0", "10.88.0.2/16"])).found).toEqual([
    expect.stringContaining("error x: 10.88.0.2 of x c-blue"),
    expect.stringMatching(/^warning x: cannot tell: .*"\/run\/netns\/hidden".* \| run it as root$/),
  ]);
});
