import { describe, expect, it } from "vitest";
import { binDir } from "../lab.ts";
import { BROADCAST, ETHER, frame, received, sendFrames, udp } from "../live/frames.ts";
import { network } from "./networks.ts";
import { referenceDir } from "./reference.ts";
import { Side } from "./twins.ts";

/** Plays a scenario with each and returns what both came to. */
async function both<T>(scenario: (side: Side) => Promise<T> | T): Promise<{ reference: T; ours: T }> {
  const play = async (bin: string, isReference: boolean) => {
    const side = new Side(bin, { isReference });
    try {
      return await scenario(side);
    } finally {
      side.lab.dispose();
    }
  };
  return { reference: await play(referenceDir(), true), ours: await play(binDir, false) };
}

function spoofing(side: Side) {
  return network(side, { cniVersion: "1.1.0", macspoofchk: true });
}

/** What there is in tables of the bridge family: how many rules in each of the reference's chains, and our elements. */
function traces(side: Side): Record<string, number> {
  const { nftables } = JSON.parse(side.lab.run(["nft", "-j", "list", "ruleset", "bridge"]));
  const rules = nftables.flatMap(({ rule }: { rule?: { table: string; chain: string; comment?: string } }) =>
    rule?.table === "nat" ? [`${rule.chain}, ${rule.comment}`] : [],
  );
  const listed = side.lab.run(["nft", "list", "ruleset", "bridge"]);
  const elements = [...listed.matchAll(/, (id: \w+)"/g)].map(([, owner = ""]) => `elements, ${owner}`);
  const counts: Record<string, number> = {};
  for (const each of [...rules, ...elements]) counts[each] = (counts[each] ?? 0) + 1;
  return counts;
}

/** Whether a victim sees what a container sends from its own MAC, and from another. */
async function passes(side: Side): Promise<{ own: boolean; other: boolean }> {
  const victim = side.netns("victim");
  const [{ address: mac }] = side.lab.ip("link show dev eth0", side.netns()).map((link) => Object(link));
  const say = (from: string, text: string) => frame(from, BROADCAST, ETHER.IP, udp("10.1.2.3", "10.1.2.255", { text }));
  const [own, other, last] = [say(mac, "own"), say("02:00:00:00:00:99", "other"), say(mac, "the last")];
  const arrived = await received(victim, { link: "eth0", last }, () =>
    sendFrames(side.lab, [own, other, last], { netns: side.netns() }),
  );
  return { own: arrived.includes(own), other: arrived.includes(other) };
}

/** Ours departs on purpose: elements of one table, where the reference has two chains and four rules for each container. */
describe("bridge checks MACs like the reference", () => {
  it("B35: ADD with macspoofchk drops what comes from another MAC, CHECK is well, DEL leaves nothing", async () => {
    const { reference, ours } = await both(async (side) => {
      side.add(network(side, { cniVersion: "1.1.0" }), { containerId: "victim" });
      const prevResult = side.add(spoofing(side));
      const added = { made: traces(side), passed: await passes(side) };
      side.check({ ...spoofing(side), prevResult });
      side.del({ ...spoofing(side), prevResult });
      return { ...added, left: traces(side) };
    });
    const passed = { own: true, other: false };
    const chain = "cni-br-iface-c1-eth0";
    const made = {
      "PREROUTING, macspoofchk-c1-eth0": 1,
      [`${chain}, macspoofchk-c1-eth0`]: 1,
      [`${chain}-mac, macspoofchk-c1-eth0`]: 2,
    };
    expect(reference).toEqual({ made, passed, left: {} });
    // A port, and its MAC.
    expect(ours).toEqual({ made: { "elements, id: c1": 2 }, passed, left: {} });
  });

  it("B35: DEL without a namespace leaves nothing, where the reference's leaves all", async () => {
    const { reference, ours } = await both((side) => {
      const prevResult = side.add(spoofing(side));
      side.removeNetns();
      side.lab.plugin("bridge", { bin: side.bin, command: "DEL", config: { ...spoofing(side), prevResult } });
      return Object.values(traces(side)).reduce((sum, count) => sum + count, 0);
    });
    expect({ reference, ours }).toEqual({ reference: 4, ours: 0 });
  });

  it.each([
    ["with the namespace", false],
    ["without it", true],
  ])("what the reference has made, ours takes for well, and deletes %s", (_, isGone) => {
    const side = new Side(binDir, { isReference: false });
    try {
      const prevResult = side.add(spoofing(side), { bin: referenceDir() });
      side.add(spoofing(side), { containerId: "c2", bin: referenceDir() });
      const config = { ...spoofing(side), prevResult };
      side.check(config);
      const netns = isGone ? "" : side.netns();
      expect(side.lab.plugin("bridge", { command: "DEL", config, netns })).toMatchObject({ status: 0, stdout: "" });
      expect(Object.keys(traces(side)).every((each) => each.endsWith("-c2-eth0"))).toBe(true);
      expect(side.lab.run(["nft", "list", "ruleset", "bridge"])).not.toContain("cni-br-iface-c1-");
    } finally {
      side.lab.dispose();
    }
  });
});
