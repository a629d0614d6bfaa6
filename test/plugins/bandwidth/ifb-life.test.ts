import { describe, expect, test } from "vitest";
import { createIfb, findIfb, ifbNames } from "../../../plugins/bandwidth/ifb.ts";
import { checkLimit, tokenBucketOf } from "../../../plugins/bandwidth/limit.ts";
import { addIfb, addVeth } from "../../../src/netlink/link/add.ts";
import { findLink, getLink } from "../../../src/netlink/link/get.ts";
import { setLink } from "../../../src/netlink/link/set.ts";
import { addTokenBucket } from "../../../src/netlink/qdisc/add.ts";
import { claimOf, ownership } from "../../../src/steps/owned-links.ts";
import { failEach } from "../../kernel/failures.ts";
import { FakeKernel } from "../../kernel/fake-kernel.ts";
import { hostOn } from "../../kernel/host.ts";

const owner = { network: "net1", ifname: "eth0", containerId: "one" };
const second = { ...owner, ifname: "eth1" };
const [own = "", other = ""] = ifbNames(owner);
const SPEC = { owner, mtu: 1400 };

function stage() {
  const kernel = new FakeKernel();
  return { kernel, host: hostOn(kernel) };
}

describe("createIfb()", () => {
  test("makes the attachment's IFB, up, by the reference's name, and says whose it is", () => {
    const { host } = stage();
    createIfb(host, SPEC, () => {});
    expect(getLink(host.netlink, own)).toMatchObject({
      kind: "ifb",
      up: true,
      mtu: 1400,
      group: 0,
      alias: ownership(owner).alias,
    });
  });

  test("takes another name where another interface of the container has that, and refuses where both are taken", () => {
    const { host } = stage();
    createIfb(host, { ...SPEC, owner: second }, () => {});
    expect(createIfb(host, SPEC, () => {}).name).toBe(other);
    addIfb(host.netlink, { name: ifbNames({ ...owner, ifname: "eth2" })[1] ?? "" });
    const act = () => createIfb(host, { ...SPEC, owner: { ...owner, ifname: "eth2" } }, () => {});
    expect(act).toThrow("exist and are not this attachment's");
  });

  test("replaces what an ADD of this attachment left behind, with its alias or without", () => {
    for (const left of [{ group: claimOf(owner) }, {}]) {
      const { host } = stage();
      addIfb(host.netlink, { name: own, mac: "02:00:00:00:00:09", ...left });
      if (!("group" in left)) setLink(host.netlink, getLink(host.netlink, own), ownership(owner));
      createIfb(host, SPEC, () => {});
      expect(getLink(host.netlink, own).mac).not.toBe("02:00:00:00:00:09");
    }
  });

  test("takes neither a link of another kind nor an IFB that says nothing", () => {
    const { host } = stage();
    addVeth(host.netlink, { name: own, peer: { name: "other" } });
    addIfb(host.netlink, { name: other });
    expect(() => createIfb(host, SPEC, () => {})).toThrow("exist and are not this attachment's");
  });

  test("leaves nothing behind, whichever of its requests fails", () => {
    expect(failEach(stage, ({ host }, defer) => createIfb(host, SPEC, defer))).toBe(5);
  });
});

describe("findIfb()", () => {
  const attached = { ...owner, prevResult: undefined };

  test("finds one that says nothing only if the result of ADD does not contradict, and none that a call for another is making", () => {
    const { host } = stage();
    addIfb(host.netlink, { name: own });
    const resultOf = (...names: readonly string[]) => ({
      prevResult: { interfaces: names.map((name) => ({ name })), ips: [], routes: [], dns: {} },
    });
    expect(findIfb(host, { ...owner, ...resultOf("veth0", own) })?.name).toBe(own);
    expect(findIfb(host, { ...owner, ...resultOf("veth0") })).toBeUndefined();
    expect(findIfb(host, { ...owner, ...resultOf() })?.name).toBe(own);
    setLink(host.netlink, getLink(host.netlink, own), { group: claimOf(second) });
    expect(findIfb(host, attached)).toBeUndefined();
  });

  test("finds the one that says so before one that says nothing, and none that says otherwise", () => {
    const { host } = stage();
    expect(findIfb(host, attached)).toBeUndefined();
    addIfb(host.netlink, { name: own });
    expect(findIfb(host, attached)?.name).toBe(own);
    addIfb(host.netlink, { name: other });
    setLink(host.netlink, getLink(host.netlink, other), ownership(owner));
    expect(findIfb(host, attached)?.name).toBe(other);
    for (const name of [own, other]) setLink(host.netlink, getLink(host.netlink, name), ownership(second));
    expect(findIfb(host, attached)).toBeUndefined();
  });

  test("finds no link of another kind", () => {
    const { host } = stage();
    addVeth(host.netlink, { name: own, peer: { name: "other" } });
    expect(findLink(host.netlink, own)?.kind).toBe("veth");
    expect(findIfb(host, attached)).toBeUndefined();
  });
});

describe("checkLimit()", () => {
  const limit = { rate: 1_250_000, burst: 250_000 };

  test("finds the token bucket that makes a limit, and names what differs", () => {
    const { host } = stage();
    const link = createIfb(host, SPEC, () => {});
    const check = (wanted = limit) => checkLimit(host, { link, limit: wanted, what: "what it sends" });
    expect(check()).toEqual([`Link "${own}" has qdisc pfifo_fast, expected tbf to limit what it sends`]);
    addTokenBucket(host.netlink, link, tokenBucketOf(limit));
    expect(check()).toEqual([]);
    const words = check({ rate: 2_500_000, burst: 500_000 }).map((each) => each.split(" ").at(-4));
    expect(words).toEqual(["rate", "limit"]);
  });

  test("counts more than four gigabytes a second", () => {
    const { host } = stage();
    const link = createIfb(host, SPEC, () => {});
    const fast = { rate: 5_000_000_000, burst: 250_000 };
    addTokenBucket(host.netlink, link, tokenBucketOf(fast));
    expect(checkLimit(host, { link, limit: fast, what: "what it sends" })).toEqual([]);
  });
});
