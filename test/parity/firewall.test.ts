import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Lab } from "../lab.ts";
import { LabFirewalld } from "../live/firewalld.ts";
import { network } from "./networks.ts";
import { referenceDir } from "./reference.ts";
import { expectTwins, type Side } from "./twins.ts";

const VERSIONS = ["0.4.0", "1.0.0", "1.1.0"] as const;

/** One of each shape that a result has. */
const SHAPES = ["0.4.0", "1.0.0"] as const;

/** The reference's own test gives this for prevResult. */
const ADDRESSES = ["10.0.0.2/24", "2001:db8:1:2::1/64"];

const plugin = "firewall";

type Fields = Readonly<Record<string, unknown>>;

/** firewall's configuration behind a plugin that has made dummy0 and given it these addresses. */
function chained(cniVersion: string, fields: Fields = {}, addresses: readonly string[] = ADDRESSES): Fields {
  const version = (address: string) =>
    cniVersion.startsWith("0.") ? { version: address.includes(":") ? "6" : "4" } : {};
  const ips = addresses.map((address) => ({ ...version(address), address, interface: 0 }));
  const prevResult = { cniVersion, interfaces: [{ name: "dummy0" }], ips };
  return { cniVersion, name: "test", type: "firewall", backend: "iptables", ...fields, prevResult };
}

/** Takes down table filter of both families, word by word, but for the rule of ours by which a published port is a permission. */
function noteRules(side: Side, when: string): void {
  const dump = (tool: string) =>
    side.lab
      .run([tool, "-S"])
      .split("\n")
      .filter((line) => !line.includes("published ports"));
  side.note(when, { iptables: dump("iptables"), ip6tables: dump("ip6tables") });
}

describe("firewall on iptables like the reference", () => {
  it.each(VERSIONS)("I1: passes prevResult through unchanged (%s)", (cniVersion) => {
    expectTwins((side) => {
      const config = chained(cniVersion);
      const result = side.add(config, { plugin });
      expect(result).toMatchObject(Object(config["prevResult"]));
    });
  });

  it.each(VERSIONS)("I2: makes the right rules, once however often ADD is called (%s)", (cniVersion) => {
    expectTwins((side) => {
      for (const when of ["first", "second"]) {
        side.add(chained(cniVersion), { plugin });
        noteRules(side, `rules after the ${when} ADD`);
      }
    });
  });

  it.each(VERSIONS)("I3: has the chain of iptablesAdminChainName (%s)", (cniVersion) => {
    expectTwins((side) => {
      side.add(chained(cniVersion, { iptablesAdminChainName: "CNI-foobar" }), { plugin });
      noteRules(side, "rules");
    });
  });

  it.each(VERSIONS)("I4: makes rules, checks them, and takes away an address's own on DEL (%s)", (cniVersion) => {
    expectTwins((side) => {
      const other = chained(cniVersion, {}, ["10.0.0.3/24"]);
      side.add(other, { plugin, containerId: "c2" });
      side.add(chained(cniVersion), { plugin });
      side.check(chained(cniVersion), { plugin });
      side.del(chained(cniVersion), { plugin });
      noteRules(side, "rules after DEL");
      side.del(chained(cniVersion), { plugin });
      noteRules(side, "rules after the second DEL");
    });
  });

  it.each(["same-bridge", "isolated"])("has the chains of ingressPolicy %s, in their order", (ingressPolicy) => {
    expectTwins((side) => {
      side.add(chained("1.0.0", { ingressPolicy }), { plugin });
      noteRules(side, "rules after ADD");
      side.add(chained("1.0.0", { ingressPolicy }), { plugin });
      side.del(chained("1.0.0", { ingressPolicy }), { plugin });
      noteRules(side, "rules after DEL");
    });
  });

  it.each(["0.3.0", "0.3.1"])(
    "refuses version %s, which the reference's test calls below its versions",
    (cniVersion) => {
      expectTwins((side) => side.add(chained(cniVersion), { plugin, fails: true }));
    },
  );

  it.each(["ADD by ours, the rest by the reference", "ADD by the reference, the rest by ours"])("%s", (_title) => {
    const isByOurs = _title.startsWith("ADD by ours");
    // On the reference's side the reference does all of it.
    expectTwins((side) => {
      const rest = isByOurs ? { plugin, bin: referenceDir() } : { plugin };
      const first = isByOurs ? { plugin } : { plugin, bin: referenceDir() };
      side.add(chained("1.0.0"), first);
      side.check(chained("1.0.0"), { plugin, bin: referenceDir() });
      side.del(chained("1.0.0"), rest);
      noteRules(side, "rules after DEL");
    });
  });
});

describe("firewall with a firewalld that runs, like the reference", () => {
  let lab: Lab;
  let firewalld: LabFirewalld;

  beforeAll(async () => {
    lab = new Lab();
    firewalld = await LabFirewalld.start(lab);
  }, 180_000);

  afterAll(async () => {
    await firewalld?.stop();
    lab?.dispose();
  });

  /** The reference's own test has a firewalld that answers whatever it is asked. Here both sides have the same real one, in turn. */
  const call = () => ({ plugin, environment: firewalld.environment });

  const config = (cniVersion: string, fields: Fields = {}) =>
    chained(cniVersion, { backend: "firewalld", ...fields }, ["10.0.0.2/24"]);

  /** The zones that have sources, and which. */
  function noteSources(side: Side, when: string): void {
    side.note(when, { zones: firewalld.command("--get-active-zones").split("\n") });
  }

  function comeAndGo(side: Side, fields: Fields): void {
    for (let i = 0; i < 2; i++) side.add(fields, call());
    noteSources(side, "sources after ADD");
    for (let i = 0; i < 2; i++) side.del(fields, call());
    noteSources(side, "sources after DEL");
  }

  it.each(SHAPES)("F1: puts the address into the zone, and takes it out again (%s)", (cniVersion) => {
    expectTwins((side) => comeAndGo(side, config(cniVersion)));
  });

  it("puts the address into firewalldZone, and takes it out again", () => {
    expectTwins((side) => comeAndGo(side, config("1.0.0", { firewalldZone: "internal" })));
  });

  it.each(SHAPES)("F2: takes firewalld where no backend is named (%s)", (cniVersion) => {
    expectTwins((side) => comeAndGo(side, { ...config(cniVersion), backend: undefined }));
  });

  it("takes firewalld where the backend is empty", () => {
    expectTwins((side) => comeAndGo(side, { ...config("1.0.0"), backend: "" }));
  });

  it.each(SHAPES)("F3: passes prevResult through (%s)", (cniVersion) => {
    expectTwins((side) => {
      expect(side.add(config(cniVersion), call())).toMatchObject(Object(config(cniVersion)["prevResult"]));
      side.del(config(cniVersion), call());
    });
  });

  it.each(SHAPES)("F4: ADD, CHECK, DEL (%s)", (cniVersion) => {
    expectTwins((side) => {
      side.add(config(cniVersion), call());
      side.check(config(cniVersion), call());
      side.del(config(cniVersion), call());
      noteSources(side, "sources after DEL");
    });
  });
});

describe("firewall with bridge, like the reference", () => {
  /** Two containers of network foo and one of bar, each network a bridge with the policy. */
  function attachAll(side: Side, ingressPolicy: string): void {
    const fields = { type: "firewall", backend: "iptables", ingressPolicy };
    for (const [containerId, name, bridge, subnet] of [
      ["c1", "foo", "bridge0", "10.88.3.0/24"],
      ["c2", "foo", "bridge0", "10.88.3.0/24"],
      ["c3", "bar", "bridge1", "10.88.4.0/24"],
    ] as const) {
      const rest = { cniVersion: "1.0.0", name, bridge, ipMasq: true, hairpinMode: true, ranges: [[{ subnet }]] };
      const prevResult = side.add(network(side, rest), { containerId });
      side.add({ cniVersion: "1.0.0", name, ...fields, prevResult }, { plugin, containerId });
    }
  }

  const ADDRESS = { c1: "10.88.3.2", c2: "10.88.3.3", c3: "10.88.4.2" } as const;

  /** Whether each of these pairs answers a ping; all are asked at once. */
  function reaching(side: Side, pairs: readonly (readonly [keyof typeof ADDRESS, keyof typeof ADDRESS])[]) {
    const pings = pairs.map(([from, to], index) => {
      const ping = `nsenter --net=${side.netns(from)} ping -n -c1 -W1 ${ADDRESS[to]} >/dev/null 2>&1`;
      return `(${ping} && echo ${index}) &`;
    });
    const answered = side.lab.run(["sh", "-c", `${pings.join("\n")}\nwait`]).split("\n");
    return pairs.map((_pair, index) => answered.includes(String(index)));
  }

  const WITHIN = [
    ["c1", "c2"],
    ["c2", "c1"],
  ] as const;
  const BETWEEN = [
    ["c1", "c3"],
    ["c2", "c3"],
    ["c3", "c1"],
    ["c3", "c2"],
  ] as const;

  it.each([
    ["G1 G2", "same-bridge", true],
    ["G3 G4", "isolated", false],
  ])("%s: with ingressPolicy %s a network reaches itself: %s, and no other", (_rows, ingressPolicy, within) => {
    expectTwins((side) => {
      attachAll(side, ingressPolicy);
      expect(reaching(side, WITHIN)).toEqual([within, within]);
      expect(reaching(side, BETWEEN)).toEqual([false, false, false, false]);
      noteRules(side, "rules");
    });
  });
});
