import { describe, expect, it } from "vitest";
import { selectOwner, selectStale } from "../../src/netfilter/owner.ts";
import { encodeFields } from "../../src/netlink/fields.ts";
import { LINK_FIELDS } from "../../src/netlink/link/attributes.ts";
import { claimOf, isOwned, ownership } from "../../src/steps/owned-links.ts";

const owner = { network: "net1", ifname: "eth0", containerId: "one" };
const other = { ...owner, containerId: "two" };
const elsewhere = { ...owner, network: "net2" };

const named = { group: 0, ...ownership(owner) };
const unnamed = (whose = owner) => ({ alias: "", group: claimOf(whose) });

describe("isOwned", () => {
  it("knows a link by its alias, and before it has one by the group that it was made in", () => {
    for (const link of [{ ...named, alias: named.alias ?? "", group: 0 }, unnamed()]) {
      expect(isOwned(selectOwner(owner), link)).toBe(true);
      expect(isOwned(selectOwner(other), link)).toBe(false);
      expect(isOwned(selectOwner(elsewhere), link)).toBe(false);
      expect(isOwned(selectStale("net1", []), link)).toBe(true);
      expect(isOwned(selectStale("net1", [other]), link)).toBe(true);
      expect(isOwned(selectStale("net1", [owner]), link)).toBe(false);
      expect(isOwned(selectStale("net2", []), link)).toBe(false);
    }
  });

  it("goes by the alias alone where there is one, and takes nothing that says nothing", () => {
    expect(isOwned(selectOwner(owner), { alias: "mine", group: claimOf(owner) })).toBe(false);
    expect(isOwned(selectOwner(owner), { alias: "", group: 0 })).toBe(false);
    expect(isOwned(selectStale("net1", []), { alias: "", group: 0 })).toBe(false);
    expect(isOwned(selectStale("net1", []), { alias: "", group: claimOf(owner) & 0xffff })).toBe(false);
  });
});

describe("claimOf", () => {
  it("is a positive number of 31 bits, never 0, whose network comes first in its bytes", () => {
    const owners = Array.from({ length: 500 }, (_, index) => ({
      ...owner,
      network: `n${index}`,
      containerId: `c${index}`,
    }));
    for (const claim of owners.map(claimOf)) expect(claim > 0 && claim <= 0x7fffffff).toBe(true);
    const [one, two] = [owner, other].map((each) => encodeFields(LINK_FIELDS, { group: claimOf(each) }));
    expect(one?.subarray(0, 6)).toEqual(two?.subarray(0, 6));
    expect(one).not.toEqual(two);
  });
});
