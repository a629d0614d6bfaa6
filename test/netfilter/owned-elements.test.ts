import { afterEach, expect, test, vi } from "vitest";
import { backOff } from "../../src/linux/wait.ts";
import { deleteChain } from "../../src/netfilter/nftables/chain.ts";
import { NFT } from "../../src/netfilter/nftables/data.ts";
import { ifname } from "../../src/netfilter/nftables/datatype.ts";
import { encodeElement, encodeElementList } from "../../src/netfilter/nftables/element.ts";
import type { RuleSet } from "../../src/netfilter/nftables/rule-set.ts";
import { typedSet } from "../../src/netfilter/nftables/set.ts";
import { DROP } from "../../src/netfilter/nftables/statement.ts";
import {
  addOwnedElements,
  deleteOwnedElements,
  listOwnedElements,
  type OwnedElement,
  ownedElement,
} from "../../src/netfilter/owned-elements.ts";
import { selectOwner, selectStale } from "../../src/netfilter/owner.ts";
import { NetlinkError } from "../../src/netlink/acknowledgement.ts";
import type { NetlinkRequest } from "../../src/netlink/answers.ts";
import { ERRNO } from "../../src/platform/errno.ts";
import { captured } from "./captured.ts";
import { fakeNetlink, generation, refusingNetlink } from "./kernel.ts";

vi.mock("../../src/linux/wait.ts", () => ({ backOff: vi.fn() }));

afterEach(() => void vi.resetAllMocks());

const GET = { CHAIN: 0xa04, ELEMENT: 0xa0d, GENERATION: 0xa10 };
const owner = { network: "unit-test", ifname: "eth0", containerId: "one" };
const other = { ...owner, containerId: "two" };
const set = { family: 7, table: "t", name: "ports", key: ["ifname"], id: 1 } as const;
const own = ownedElement(owner, set, { key: [ifname.encode("veth1")] });
const theirs = ownedElement(other, set, { key: [ifname.encode("veth2")] });
const rules: RuleSet = {
  table: { family: 7, name: "t" },
  sets: [typedSet(set)],
  chains: [{ name: "c", base: {}, rules: () => [{ label: "drop", expressions: [DROP] }] }],
};
const wanted = { action: "add them", elements: [own], rules };

test("ownedElement has the value of a map's element", () => {
  const data = { verdict: { code: NFT.JUMP, chain: "c" } };
  const { element } = ownedElement(owner, { ...set, data: "verdict" }, { key: [ifname.encode("veth1")], data });
  expect(element).toEqual({ ...own.element, data });
});

/** A kernel that holds elements, has the chain or not, and refuses transactions as told: one error number each, 0 to take it. */
function kernel(options: {
  holds?: readonly OwnedElement[];
  hasChain?: boolean;
  refusals?: readonly number[];
  isChanging?: boolean;
}) {
  const { holds = [], hasChain = true, refusals = [], isChanging = false } = options;
  const log: string[][] = [];
  const left = [...refusals];
  const netlink = fakeNetlink({
    request: ({ type, action }) => {
      if (type === GET.GENERATION) return [generation(isChanging ? log.length : 1)];
      if (type === GET.CHAIN && hasChain) return captured("list", "received", "NEWCHAIN").slice(0, 1);
      if (type === GET.CHAIN || holds.length === 0) throw new NetlinkError(action, { errno: ERRNO.ENOENT });
      const elements = holds.map(({ element: { label: _, ...element } }) => encodeElement(element));
      const payload = encodeElementList({ family: 7, table: "t", set: "ports", elements });
      return [{ type: 0xa0c, flags: 0, sequence: 1, port: 0, payload }];
    },
    transact: (requests: readonly NetlinkRequest[]) => {
      log.push(requests.slice(1, -1).map(({ action }) => action));
      const errno = left.shift() ?? 0;
      if (errno !== 0) throw new NetlinkError(requests[1]?.action ?? "", { errno });
    },
  });
  return { netlink, log };
}

const ADD = "add element veth1 to nftables set ports of table t";
const DELETE = "delete element veth1 from nftables set ports of table t";

test("addOwnedElements adds what is missing of the rules in the same transaction, and asks for no more", () => {
  const { netlink, log } = kernel({ hasChain: false });
  addOwnedElements(netlink, wanted);
  expect(log).toEqual([
    [
      "add nftables table t",
      "add nftables chain c to table t",
      "add nftables set ports to table t",
      "flush nftables chain c of table t",
      'add rule "drop" to nftables chain c of table t',
      ADD,
    ],
  ]);
});

test("addOwnedElements adds the elements alone where the rules are there", () => {
  const { netlink, log } = kernel({});
  addOwnedElements(netlink, wanted);
  expect(log).toEqual([[ADD]]);
});

test("addOwnedElements replaces what is there under the same key", () => {
  const { netlink, log } = kernel({ holds: [own], refusals: [ERRNO.EEXIST] });
  addOwnedElements(netlink, wanted);
  expect(log).toEqual([[ADD], [DELETE, ADD]]);
});

test("addOwnedElements looks at once for what is there if transactions are gathered, which are not refused yet", () => {
  const { netlink, log } = kernel({ holds: [own] });
  addOwnedElements({ ...netlink, isGathering: true }, wanted);
  expect(log).toEqual([[DELETE, ADD]]);
});

test("addOwnedElements replaces nothing where refuse throws, which is told what was found", () => {
  const { netlink, log } = kernel({ holds: [{ ...theirs, element: own.element }], refusals: [ERRNO.EEXIST] });
  const refuse = () => {
    throw new Error("taken");
  };
  expect(() => addOwnedElements(netlink, wanted, refuse)).toThrow("taken");
  expect(log).toEqual([[ADD]]);
});

test("addOwnedElements pauses after each attempt but the first, and gives up when it is always too late", () => {
  const { netlink, log } = kernel({ refusals: Array.from({ length: 99 }, () => ERRNO.EEXIST), isChanging: true });
  const message = `Cannot add them: others changed the rule set each of 20 times: Cannot ${ADD}: File exists`;
  const error = { code: "EAGAIN", syscall: "netlink", message };
  expect(() => addOwnedElements(netlink, wanted)).toThrow(expect.objectContaining(error));
  expect(log).toHaveLength(20);
  const pauses = Array.from({ length: 18 }, (_, index) => index + 2);
  expect(vi.mocked(backOff).mock.calls.flat()).toEqual(pauses);
});

test("addOwnedElements says what it was to do where the kernel refuses the whole transaction", () => {
  const { transact } = refusingNetlink(ERRNO.EPERM);
  expect(() => addOwnedElements({ ...kernel({}).netlink, transact }, wanted)).toThrow(
    "Cannot add them: Operation not permitted",
  );
});

test("addOwnedElements says what the kernel refused where nobody else has changed anything", () => {
  const { netlink, log } = kernel({ refusals: Array.from({ length: 99 }, () => ERRNO.EEXIST) });
  expect(() => addOwnedElements(netlink, wanted)).toThrow(`Cannot ${ADD}: File exists`);
  expect(log).toHaveLength(2);
});

test("listOwnedElements finds by owner, and by network without those that are valid", () => {
  const { netlink } = kernel({ holds: [own, theirs, own] });
  expect(listOwnedElements(netlink, [set], selectOwner(owner))).toEqual([own]);
  expect(listOwnedElements(netlink, [set], selectStale("unit-test", [owner]))).toEqual([theirs]);
  expect(listOwnedElements(netlink, [set], selectStale("another", []))).toEqual([]);
});

test("listOwnedElements leaves out an element without a key: the one of all other keys", () => {
  const { userdata } = own.element;
  const { netlink } = kernel({ holds: [{ set, element: { label: "*", userdata } }] });
  expect(listOwnedElements(netlink, [set], selectOwner(owner))).toEqual([]);
});

test("deleteOwnedElements deletes the owner's alone, and what is to go with them", () => {
  const { netlink, log } = kernel({ holds: [own, theirs] });
  const also = () => [deleteChain({ family: 7, table: "t", name: "c" })];
  deleteOwnedElements(netlink, { action: "delete them", sets: [set], selection: selectOwner(owner) }, also);
  expect(log).toEqual([[DELETE, "delete nftables chain c from table t"]]);
});

test("deleteOwnedElements leaves what is to go with them where that is in use", () => {
  const { netlink, log } = kernel({ holds: [own, theirs], refusals: [ERRNO.EBUSY] });
  const also = () => [deleteChain({ family: 7, table: "t", name: "c" })];
  deleteOwnedElements(netlink, { action: "delete them", sets: [set], selection: selectOwner(owner) }, also);
  expect(log[1]).toEqual([DELETE]);
});

test("deleteOwnedElements changes nothing where nothing is, and takes a table that is not there for that", () => {
  const { netlink, log } = kernel({ hasChain: false });
  deleteOwnedElements(netlink, { action: "delete them", sets: [set], selection: selectOwner(owner) });
  expect(log).toEqual([]);
});
