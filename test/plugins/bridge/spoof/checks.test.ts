import { expect, test } from "vitest";
import {
  addSpoofCheck,
  admitAddresses,
  deleteSpoofChecks,
  supportsBridgeRules,
  verifySpoofCheck,
} from "../../../../plugins/bridge/spoof/checks.ts";
import { addressElements, portElements } from "../../../../plugins/bridge/spoof/elements.ts";
import { parsePrefix } from "../../../../src/ip/prefix.ts";
import { decodeChain } from "../../../../src/netfilter/nftables/chain.ts";
import { decodeElementList, encodeElement, encodeElementList } from "../../../../src/netfilter/nftables/element.ts";
import { decodeRule } from "../../../../src/netfilter/nftables/rule.ts";
import type { OwnedElement } from "../../../../src/netfilter/owned-elements.ts";
import { selectOwner } from "../../../../src/netfilter/owner.ts";
import { NetlinkError } from "../../../../src/netlink/acknowledgement.ts";
import type { NetlinkRequest } from "../../../../src/netlink/answers.ts";
import { ERRNO } from "../../../../src/platform/errno.ts";
import { captured } from "../../../netfilter/captured.ts";
import { fakeNetlink } from "../../../netfilter/kernel.ts";

const NFT_MSG = { GETCHAIN: 0xa04, GETRULE: 0xa07, GETGEN: 0xa10 } as const;
const owner = { network: "unit-test", ifname: "eth0", containerId: "one" };
const port = { owner, port: 1, mac: "02:00:00:00:00:01", check: "strict" } as const;
const prefixes = ["10.88.0.2/24", "fd00:88::2/64"].map(parsePrefix).filter((prefix) => prefix !== undefined);
const all = [...portElements(port), ...addressElements(port, prefixes)];

/** A kernel with our table, as far as the nft tool can make it, or without, and with these elements. */
function kernel(options: { hasTable?: boolean; holds?: readonly OwnedElement[]; refusal?: number } = {}) {
  const { hasTable = true, holds = all, refusal } = options;
  const log: string[][] = [];
  const answer = ({ type, payload, action }: NetlinkRequest) => {
    if (type === NFT_MSG.GETGEN) return captured("generation", "received", "NEWGEN").slice(0, 1);
    if (!hasTable) throw new NetlinkError(action, { errno: ERRNO.ENOENT });
    if (type === NFT_MSG.GETCHAIN) {
      const { name } = decodeChain(payload);
      return captured("spoof-list", "received", "NEWCHAIN").filter((each) => decodeChain(each.payload).name === name);
    }
    if (type === NFT_MSG.GETRULE) {
      const { chain } = decodeRule(payload);
      return captured("spoof-list", "received", "NEWRULE").filter((each) => decodeRule(each.payload).chain === chain);
    }
    const { set = "" } = decodeElementList(payload);
    const own = holds.filter((each) => each.set.name === set);
    const elements = own.map(({ element: { label: _, ...element } }) => encodeElement(element));
    return [{ type: 0xa0c, flags: 0, sequence: 1, port: 0, payload: encodeElementList({ family: 7, set, elements }) }];
  };
  const netlink = fakeNetlink({
    request: answer,
    transact: (requests) => {
      log.push(requests.slice(1, -1).map(({ action }) => action));
      if (refusal !== undefined) throw new NetlinkError(requests[1]?.action ?? "", { errno: refusal });
    },
  });
  return { netlink, log };
}

test("supportsBridgeRules asks for our table alone where that is there", () => {
  const { netlink, log } = kernel();
  expect(supportsBridgeRules(netlink)).toBe(true);
  expect(log).toEqual([]);
});

test("supportsBridgeRules tries a table that is gone again where it is not", () => {
  const { netlink, log } = kernel({ hasTable: false });
  expect(supportsBridgeRules(netlink)).toBe(true);
  expect(log).toEqual([
    [
      "add nftables table cni_probe",
      "add nftables chain prerouting to table cni_probe",
      "delete nftables table cni_probe",
    ],
  ]);
});

test.each(["EOPNOTSUPP", "EAFNOSUPPORT", "ENOENT"] as const)(
  "supportsBridgeRules is false where the kernel says %s",
  (name) => {
    expect(supportsBridgeRules(kernel({ hasTable: false, refusal: ERRNO[name] }).netlink)).toBe(false);
  },
);

test("supportsBridgeRules does not guess when it may not ask", () => {
  const { netlink } = kernel({ hasTable: false, refusal: ERRNO.EPERM });
  expect(() => supportsBridgeRules(netlink)).toThrow("Cannot add nftables table cni_probe: Operation not permitted");
});

test("addSpoofCheck and admitAddresses add elements, each in one transaction", () => {
  const { netlink, log } = kernel();
  addSpoofCheck(netlink, port);
  admitAddresses(netlink, port, prefixes);
  expect(log).toEqual([
    [
      "add element 1 to nftables set ports of table cni_spoofcheck",
      "add element 1 . 02:00:00:00:00:01 to nftables set macs of table cni_spoofcheck",
      "add element 1 . fe80::ff:fe00:1 to nftables set addresses6 of table cni_spoofcheck",
    ],
    [
      "add element 1 . 10.88.0.2 to nftables set addresses4 of table cni_spoofcheck",
      "add element 1 . fd00:88::2 to nftables set addresses6 of table cni_spoofcheck",
    ],
  ]);
});

test("addSpoofCheck makes the whole table where it is missing", () => {
  const { netlink, log } = kernel({ hasTable: false });
  addSpoofCheck(netlink, port);
  expect(log[0]?.filter((action) => action.includes("add nftables"))).toHaveLength(1 + 12 + 4);
});

test("a port asks about any address until it has its own", () => {
  const { netlink, log } = kernel();
  const asking = { ...port, asks: true };
  expect(portElements(asking)[0]?.element.data?.verdict?.chain).toBe("asking");
  expect(portElements({ ...asking, check: "mac" })[0]?.element.data?.verdict?.chain).toBe("mac");
  admitAddresses(netlink, asking, prefixes);
  expect(log.at(-1)).toEqual([
    "add element 1 to nftables set ports of table cni_spoofcheck",
    "add element 1 . 10.88.0.2 to nftables set addresses4 of table cni_spoofcheck",
    "add element 1 . fd00:88::2 to nftables set addresses6 of table cni_spoofcheck",
  ]);
});

test("admitAddresses of none asks the kernel nothing", () => {
  expect(() => admitAddresses(fakeNetlink({}), port, [])).not.toThrow();
});

test("deleteSpoofChecks deletes all elements of the owner's, in one transaction", () => {
  const { netlink, log } = kernel();
  deleteSpoofChecks(netlink, selectOwner(owner));
  expect(log).toEqual(
    [all.map(({ set, element }) => expect.stringContaining(`${element.label} from nftables set ${set.name} `))].map(
      (each) => expect.arrayContaining(each),
    ),
  );
  expect(log[0]).toHaveLength(all.length);
});

test("deleteSpoofChecks changes nothing where there is no table", () => {
  const { netlink, log } = kernel({ hasTable: false });
  deleteSpoofChecks(netlink, selectOwner(owner));
  expect(log).toEqual([]);
});

/** The rules that the nft tool of the capture cannot make differ. */
function elementsOf(sentences: readonly string[]): readonly string[] {
  return sentences.filter((sentence) => sentence.startsWith("Spoof check: "));
}

test("verifySpoofCheck finds no difference in what ADD made", () => {
  expect(elementsOf(verifySpoofCheck(kernel().netlink, { port, prefixes }))).toEqual([]);
});

test("verifySpoofCheck names elements that are missing, other, and too many", () => {
  const [, mac, ...rest] = all;
  const other = portElements({ ...port, check: "mac" }).slice(0, 1);
  const found = kernel({ holds: [...other, ...rest] }).netlink;
  expect(elementsOf(verifySpoofCheck(found, { port, prefixes: prefixes.slice(0, 1) }))).toEqual([
    "Spoof check: element 1 : goto strict of nftables set ports is missing",
    `Spoof check: element ${mac?.element.label} of nftables set macs is missing`,
    "Spoof check: element 1 : goto mac of nftables set ports must not be there",
    "Spoof check: element 1 . fd00:88::2 of nftables set addresses6 must not be there",
  ]);
});

test("verifySpoofCheck leaves out a port that an earlier ADD left behind", () => {
  const stale = portElements({ ...port, port: 7 });
  expect(elementsOf(verifySpoofCheck(kernel({ holds: [...all, ...stale] }).netlink, { port, prefixes }))).toEqual([]);
});

test("verifySpoofCheck names a chain whose rules differ", () => {
  expect(verifySpoofCheck(kernel().netlink, { port, prefixes })).toContainEqual(
    expect.stringContaining(
      'Nftables chain icmp6_nobody of table cni_spoofcheck: rule 1 must be "icmpv6 type nd-neighbor-solicit',
    ),
  );
});
