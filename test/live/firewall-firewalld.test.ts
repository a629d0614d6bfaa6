import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LabFirewalld } from "./firewalld.ts";
import { Arena } from "./firewalling.ts";
import { rulesAbout, traced } from "./masquerading.ts";

// A real firewalld of the lab's own, on a message bus of its own. The outside is behind up0, which is in zone "external", and a zone lets through to
// another what a policy or the zone's own target says.

let arena: Arena;
let firewalld: LabFirewalld;

beforeAll(async () => {
  arena = new Arena();
  arena.attach("foo-1", "foo-2", "bar-1");
  firewalld = await LabFirewalld.start(arena.lab);
  firewalld.command("--zone=external", "--change-interface=up0");
}, 180_000);

afterAll(async () => {
  await firewalld?.stop();
  arena?.dispose();
});

const onBus = () => ({ environment: firewalld.environment });

/** The sources that the firewall is to have for these containers. */
function sourcesOf(...names: readonly string[]): string[] {
  const addresses = names.map((name) => arena.get(name).addresses);
  return addresses.flatMap((each) => [`${each[4]}/32`, `${each[6]}/128`]).sort();
}

describe("firewall beside a firewalld that runs", () => {
  it("lets containers through it without a backend in the configuration, until DEL without prevResult", () => {
    expect(arena.reaching("foo-1>outside")).toEqual([]);
    expect(arena.succeed("ADD", "foo-1", {}, onBus())).toEqual(arena.get("foo-1").prevResult);
    expect(firewalld.sources("trusted")).toEqual(sourcesOf("foo-1"));
    expect(arena.reaching("foo-1>outside", "outside>foo-1")).toEqual(["foo-1>outside"]);
    arena.succeed("CHECK", "foo-1", {}, onBus());
    arena.succeed("STATUS", "foo-1", {}, onBus());
    arena.succeed("DEL", "foo-1", { prevResult: undefined }, { ...onBus(), netns: "" });
    arena.succeed("DEL", "foo-1", {}, onBus());
    expect(firewalld.sources("trusted")).toEqual([]);
    expect(rulesAbout(arena.lab, ...Object.values(arena.get("foo-1").addresses))).toEqual([]);
    expect(arena.reaching("foo-1>outside")).toEqual([]);
  });

  it("starts no process", () => {
    for (const command of ["ADD", "DEL"]) {
      const { outcome, started } = traced(arena.lab, "firewall", arena.call(command, "foo-1", {}, onBus()));
      expect(outcome.status).toBe(0);
      expect(started).toEqual(["firewall"]);
    }
  });

  it.each([
    ["same-bridge", ["foo-1>foo-2", "foo-1>outside"]],
    ["isolated", ["foo-1>outside"]],
  ])("keeps networks apart with ingressPolicy %s and backend firewalld", (ingressPolicy, expected) => {
    const fields = { backend: "firewalld", ingressPolicy };
    const names = ["foo-1", "foo-2", "bar-1"];
    for (const name of names) arena.succeed("ADD", name, fields, onBus());
    expect(firewalld.sources("trusted")).toEqual(sourcesOf(...names));
    expect(arena.reaching("foo-1>foo-2", "foo-1>bar-1", "bar-1>foo-2", "foo-1>outside")).toEqual(expected);
    for (const name of names) arena.succeed("DEL", name, fields, onBus());
    expect(firewalld.sources("trusted")).toEqual([]);
  });

  it("puts the addresses into firewalldZone, out of the zone that they were left in, and finds them there when it is another by then", () => {
    arena.succeed("ADD", "foo-1", {}, onBus());
    arena.succeed("ADD", "foo-1", { firewalldZone: "internal" }, onBus());
    expect(firewalld.sources("internal")).toEqual(sourcesOf("foo-1"));
    expect(firewalld.sources("trusted")).toEqual([]);
    arena.succeed("DEL", "foo-1", { firewalldZone: "nowhere" }, onBus());
    expect(firewalld.sources("internal")).toEqual([]);
  });

  it("CHECK says what a reload took away, and ADD mends it", () => {
    for (const name of ["foo-1", "foo-2"]) arena.succeed("ADD", name, {}, onBus());
    firewalld.command("--reload");
    firewalld.command("--zone=external", "--change-interface=up0");
    const { code, msg } = arena.refuse("CHECK", "foo-1", {}, onBus());
    const missing = sourcesOf("foo-1").map((source) => `Zone "trusted" of firewalld must have the source ${source}`);
    expect(code).toBe(104);
    expect(msg.split("; ").sort()).toEqual(missing);
    expect(arena.reaching("foo-1>outside")).toEqual([]);
    arena.succeed("ADD", "foo-1", {}, onBus());
    arena.succeed("CHECK", "foo-1", {}, onBus());
    expect(arena.reaching("foo-1>outside")).toEqual(["foo-1>outside"]);
    for (const name of ["foo-1", "foo-2"]) arena.succeed("DEL", name, {}, onBus());
  });

  it("GC takes stale addresses out of their zone", () => {
    for (const name of ["foo-1", "foo-2"]) arena.succeed("ADD", name, {}, onBus());
    const list = { "cni.dev/valid-attachments": [{ containerID: "foo-2", ifname: "eth0" }] };
    arena.succeed("GC", "foo-1", { ...list, prevResult: undefined }, onBus());
    expect(firewalld.sources("trusted")).toEqual(sourcesOf("foo-2"));
    arena.succeed("DEL", "foo-2", {}, onBus());
  });

  it("refuses a zone that firewalld does not know, and leaves nothing", () => {
    const fields = { firewalldZone: "nowhere" };
    const { code, msg } = arena.refuse("ADD", "foo-1", fields, onBus());
    expect([code, msg]).toEqual([
      7,
      expect.stringMatching(/^Cannot put .* into zone "nowhere" with firewalld: INVALID_ZONE/),
    ]);
    expect(rulesAbout(arena.lab, arena.get("foo-1").addresses[4])).toEqual([]);
    const status = arena.refuse("STATUS", "foo-1", fields, onBus());
    expect([status.code, status.msg]).toEqual([
      50,
      expect.stringContaining('firewalld has no zone "nowhere": make it'),
    ]);
  });

  it("20 ADDs at once, and 20 DELs", async () => {
    const all = async (command: string) => {
      const ended = Array.from({ length: 20 }, (_each, index) => {
        const prevResult = { cniVersion: "1.1.0", ips: [{ address: `10.88.200.${index + 2}/24` }] };
        const more = { ...onBus(), containerId: `many-${index}` };
        return arena.lab.start("firewall", arena.call(command, "foo-1", { prevResult }, more)).ended;
      });
      const outcomes = await Promise.all(ended);
      expect(outcomes.filter(({ status, stderr }) => status !== 0 || stderr !== "")).toEqual([]);
    };
    await all("ADD");
    expect(firewalld.sources("trusted")).toHaveLength(20);
    await all("DEL");
    expect(firewalld.sources("trusted")).toEqual([]);
  });

  it("tells iptables too where its FORWARD drops, as Docker has it", () => {
    const tools = ["iptables-nft", "ip6tables-nft"];
    for (const tool of tools) arena.lab.run([tool, "-P", "FORWARD", "DROP"]);
    arena.succeed("ADD", "foo-1", {}, onBus());
    expect(arena.reaching("foo-1>outside")).toEqual(["foo-1>outside"]);
    arena.succeed("DEL", "foo-1", {}, onBus());
    for (const tool of tools) arena.lab.run([tool, "-P", "FORWARD", "ACCEPT"]);
  });
});
