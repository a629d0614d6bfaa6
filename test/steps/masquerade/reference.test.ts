import { expect, test } from "vitest";
import { selectOwner, selectStale } from "../../../src/netfilter/owner.ts";
import { NetlinkError } from "../../../src/netlink/acknowledgement.ts";
import type { NetlinkRequest } from "../../../src/netlink/answers.ts";
import { ERRNO } from "../../../src/platform/errno.ts";
import { deleteReferenceRules, listReferenceRules } from "../../../src/steps/masquerade/reference.ts";
import { captured, hex } from "../../netfilter/captured.ts";
import { fakeNetlink } from "../../netfilter/kernel.ts";

const GETGEN = 0xa10;
const one = selectOwner({ network: "unit-test", ifname: "eth0", containerId: "one" });

/** A kernel that has the rules which the reference plugins make for two containers. */
function kernel(changes: NetlinkRequest[] = []) {
  return fakeNetlink({
    request: ({ type }) =>
      type === GETGEN
        ? captured("generation", "received", "NEWGEN").slice(0, 1)
        : captured("reference", "received", "NEWRULE"),
    transact: (requests) => changes.push(...requests),
  });
}

test("listReferenceRules finds an attachment's rules by their comment, of both families", () => {
  expect(listReferenceRules(kernel(), one).map(({ handle }) => handle)).toEqual([2n, 3n]);
});

test("listReferenceRules finds those of a network's stale attachments", () => {
  const valid = [{ ifname: "eth0", containerId: "one" }];
  expect(listReferenceRules(kernel(), selectStale("unit-test", valid)).map(({ handle }) => handle)).toEqual([4n]);
  expect(listReferenceRules(kernel(), selectStale("unit-test", []))).toHaveLength(3);
  expect(listReferenceRules(kernel(), selectStale("unit", []))).toEqual([]);
});

test("listReferenceRules finds none where there is no such table", () => {
  const request = () => {
    throw new NetlinkError("list", { errno: ERRNO.ENOENT });
  };
  expect(listReferenceRules(fakeNetlink({ request }), one)).toEqual([]);
});

test.each([new NetlinkError("list", { errno: ERRNO.EPERM }), new TypeError("a bug")])("throws %s", (error) => {
  const request = () => {
    throw error;
  };
  expect(() => listReferenceRules(fakeNetlink({ request }), one)).toThrow(error);
});

test("deleteReferenceRules deletes them by handle, as the nft tool does, in one transaction", () => {
  const changes: NetlinkRequest[] = [];
  deleteReferenceRules(kernel(changes), one);
  const [sent] = captured("delete-rule", "sent", "DELRULE");
  const deletions = changes.slice(1, -1);
  expect(deletions.map(({ type }) => type)).toEqual([sent?.type, sent?.type]);
  expect(hex(deletions[1]?.payload ?? new Uint8Array())).toBe(hex(sent?.payload ?? new Uint8Array()));
});

test("deleteReferenceRules changes nothing where there is nothing", () => {
  const changes: NetlinkRequest[] = [];
  deleteReferenceRules(kernel(changes), selectOwner({ network: "unit-test", ifname: "eth1", containerId: "one" }));
  expect(changes).toEqual([]);
});
