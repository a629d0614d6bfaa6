import { afterEach, expect, test, vi } from "vitest";
import { parsePrefix } from "../../../src/ip/prefix.ts";
import { selectOwner } from "../../../src/netfilter/owner.ts";
import { NetlinkError } from "../../../src/netlink/acknowledgement.ts";
import type { NetlinkRequest } from "../../../src/netlink/answers.ts";
import { ERRNO, LinuxError } from "../../../src/platform/errno.ts";
import { addMasquerade, deleteSelected } from "../../../src/steps/masquerade/elements.ts";
import { captured } from "../../netfilter/captured.ts";
import { fakeNetlink } from "../../netfilter/kernel.ts";
import { findMasquerade } from "./find.ts";

const GET = { CHAIN: 0xa04, ELEMENT: 0xa0d, GENERATION: 0xa10 };
const owner = { network: "unit-test", ifname: "eth0", containerId: "one" };
const prefixes = ["10.88.0.2/16", "fd00:88::2/64"].map(parsePrefix).filter((prefix) => prefix !== undefined);

afterEach(() => {
  vi.restoreAllMocks();
});

/**
 * A kernel that holds what was captured, and refuses transactions as told: one error number each, 0 to take it. `log` gets
 * the actions of each transaction.
 */
function kernel(refusals: readonly number[], log: string[][] = []) {
  const left = [...refusals];
  return fakeNetlink({
    request: ({ type, payload }) => {
      if (type === GET.GENERATION) return captured("generation", "received", "NEWGEN").slice(0, 1);
      if (type === GET.CHAIN) return captured("list", "received", "NEWCHAIN").slice(1, 2);
      const isFor4 = Buffer.from(payload).includes("sources4");
      const lists = captured("list", "received", "NEWSETELEM");
      return isFor4 ? lists.slice(0, 2) : lists.slice(2);
    },
    transact: (requests: readonly NetlinkRequest[]) => {
      log.push(requests.map(({ action }) => action));
      const errno = left.shift() ?? 0;
      if (errno !== 0) throw new NetlinkError(requests[1]?.action ?? "", { errno });
    },
  });
}

test("addMasquerade adds nothing but elements where the subnets' chains are there", () => {
  const log: string[][] = [];
  addMasquerade(kernel([], log), { owner, prefixes });
  expect(log).toEqual([
    [
      "masquerade a container's addresses with nftables",
      "add element 10.88.0.2 to nftables set sources4 of table cni_masquerade",
      "add element fd00:88::2 to nftables set sources6 of table cni_masquerade",
      "masquerade a container's addresses with nftables",
    ],
  ]);
});

test.each([
  ["EEXIST", ERRNO.EEXIST],
  ["ENOENT", ERRNO.ENOENT],
])("addMasquerade tries again after %s, and replaces what is there", (_, errno) => {
  const log: string[][] = [];
  addMasquerade(kernel([errno], log), { owner, prefixes });
  expect(log).toHaveLength(2);
  expect(log[1]?.slice(1, -1)).toEqual([
    "delete element 10.88.0.2 from nftables set sources4 of table cni_masquerade",
    "delete element fd00:88::2 from nftables set sources6 of table cni_masquerade",
    "add element 10.88.0.2 to nftables set sources4 of table cni_masquerade",
    "add element fd00:88::2 to nftables set sources6 of table cni_masquerade",
  ]);
});

test("addMasquerade gives up where the kernel refuses what nobody has changed, and any other refusal at once", () => {
  const log: string[][] = [];
  const always = kernel(
    Array.from({ length: 99 }, () => ERRNO.EEXIST),
    log,
  );
  expect(() => addMasquerade(always, { owner, prefixes })).toThrow(
    "Cannot delete element 10.88.0.2 from nftables set sources4 of table cni_masquerade: File exists",
  );
  expect(log).toHaveLength(2);
  expect(() => addMasquerade(kernel([ERRNO.EPERM]), { owner, prefixes })).toThrow(
    "Cannot add element 10.88.0.2 to nftables set sources4 of table cni_masquerade: Operation not permitted",
  );
});

test("addMasquerade of no address asks the kernel nothing", () => {
  expect(() => addMasquerade(fakeNetlink({}), { owner, prefixes: [] })).not.toThrow();
});

test("deleteSelected takes the owner's elements, and chains that nothing else goes to", () => {
  const log: string[][] = [];
  deleteSelected(kernel([], log), selectOwner(owner));
  expect(log[0]?.slice(1, -1).sort()).toEqual([
    "delete element 10.88.0.2 from nftables set sources4 of table cni_masquerade",
    "delete element 172.30.16.2 from nftables set sources4 of table cni_masquerade",
    "delete element fd00:88::2 from nftables set sources6 of table cni_masquerade",
    "delete nftables chain to_10.88.0.0/16 from table cni_masquerade",
    "delete nftables chain to_172.30.16.0/20 from table cni_masquerade",
    "delete nftables chain to_fd00-88--/64 from table cni_masquerade",
  ]);
});

test("deleteSelected of an owner who has nothing changes nothing", () => {
  expect(() => deleteSelected(kernel([ERRNO.EPERM]), selectOwner({ ...owner, containerId: "two" }))).not.toThrow();
});

test("deleteSelected begins anew when the rule set was changed meanwhile", () => {
  const log: string[][] = [];
  deleteSelected(kernel([ERRNO.ERESTART, ERRNO.ERESTART], log), selectOwner(owner));
  expect(log).toHaveLength(3);
});

test("deleteSelected leaves the chains when somebody else goes to one", () => {
  const log: string[][] = [];
  deleteSelected(kernel([ERRNO.EBUSY], log), selectOwner(owner));
  expect(log).toHaveLength(2);
  expect(log[1]?.filter((action) => action.includes("chain"))).toEqual([]);
});

test("deleteSelected gives up after 60 seconds of changes by others", () => {
  let now = 0;
  vi.spyOn(performance, "now").mockImplementation(() => {
    now += 12_000;
    return now;
  });
  const act = () => deleteSelected(kernel(Array.from({ length: 99 }, () => ERRNO.ERESTART)), selectOwner(owner));
  expect(act).toThrow(LinuxError);
  now = 0;
  expect(act).toThrow(
    "Cannot delete masquerading of eth0 of container one: the rule set was changed by others all through 60 seconds",
  );
});

test("deleteSelected throws any other refusal", () => {
  expect(() => deleteSelected(kernel([ERRNO.EPERM]), selectOwner(owner))).toThrow(
    /^Cannot delete element .* from nftables set sources4 of table cni_masquerade: Operation not permitted$/,
  );
});

test("findMasquerade finds by owner", () => {
  expect(findMasquerade(kernel([]), owner)).toHaveLength(3);
  expect(findMasquerade(kernel([]), { ...owner, ifname: "eth1" })).toEqual([]);
});
