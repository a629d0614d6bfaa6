import { describe, it } from "vitest";
import type { Departure } from "./difference.ts";
import { network } from "./networks.ts";
import { referenceDir } from "./reference.ts";
import { expectTwins, type Side, type StepOptions } from "./twins.ts";

const VERSIONS = ["0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"] as const;

const MEANT: readonly Departure[] = [
  { path: / host links bwp\w+ ifalias$/, reference: undefined, reason: "An IFB says whose it is, so that GC finds it" },
  {
    path: / host links bwp\w+ txqlen$/,
    reference: undefined,
    ours: 32,
    reason: "An IFB has the queue that the kernel gives it, as the ends of a veth have",
  },
];

/** Where `tc` was asked. */
const ONE_ACTION: readonly Departure[] = [
  {
    path: /qdiscs after ADD filters [678]$/,
    ours: undefined,
    reason: "The reference's filter has the same action twice, of which the second never comes to be done",
  },
];

/** What DEL leaves on a host's end that goes on, which the reference's next plugin in the list then deletes. */
const ENDED: readonly Departure[] = [
  { path: /qdiscs after DEL /, reason: "A container that runs on is no longer limited, and can send" },
  { path: /DEL c1 host links host-veth qdisc$/, reference: "tbf", ours: "noqueue", reason: "The same" },
];

const CODES: readonly Departure[] = [
  { path: /ADD c1 error$/, reference: 999, ours: 7, reason: "An error in the configuration has the code for it" },
];

type Fields = Readonly<Record<string, unknown>>;

/** bandwidth's configuration behind a bridge that has connected c1. */
function chained(side: Side, cniVersion: string, fields: Fields): Fields {
  const { name } = network(side, { cniVersion });
  const prevResult = side.add(network(side, { cniVersion }));
  return { cniVersion, name, type: "bandwidth", ...fields, prevResult };
}

const plugin = "bandwidth";

/** ADD, and what then limits traffic. */
function limit(side: Side, config: Fields, options: StepOptions = {}): Fields {
  const prevResult = side.add(config, { plugin, ...options });
  noteQdiscs(side, "after ADD");
  return { ...config, prevResult };
}

/** As `tc` shows them; refcnt is how many queues a link has, which is the reference's affair. */
function noteQdiscs(side: Side, when: string): void {
  const tc = (args: string) =>
    side.lab
      .run(["tc", ...args.split(" ")])
      .replaceAll(/ refcnt \d+/g, "")
      .trim()
      .split("\n");
  side.note(`qdiscs ${when}`, {
    qdiscs: tc("qdisc show"),
    filters: tc(`filter show dev ${side.hostLink()} parent ffff:`),
  });
}

const limits = { ingressRate: 8, ingressBurst: 8, egressRate: 16, egressBurst: 8 };
const bandWidth = { ingressRate: 8, ingressBurst: 8, egressRate: 16, egressBurst: 9 };

describe.each(VERSIONS)("bandwidth like the reference, %s", (cniVersion) => {
  it("ADD, CHECK, DEL", () => {
    expectTwins(
      (side) => {
        const config = limit(side, chained(side, cniVersion, limits));
        if (!cniVersion.startsWith("0.3")) side.check(config, { plugin });
        side.del(config, { plugin });
        noteQdiscs(side, "after DEL");
        side.del(config, { plugin });
      },
      { departures: [...MEANT, ...ONE_ACTION, ...ENDED] },
    );
  });
});

describe("bandwidth like the reference", () => {
  it.each<[string, Fields]>([
    ["egress alone", { ingressRate: 0, ingressBurst: 0, egressRate: 8000, egressBurst: 80 }],
    ["the runtime's limits", { runtimeConfig: { bandWidth } }],
    [
      "rates of all sizes",
      { egressRate: 10 ** 11, egressBurst: 10 ** 9, ingressRate: 3_333_333, ingressBurst: 77_777 },
    ],
  ])("ADD with %s", (_, fields) => {
    expectTwins((side) => limit(side, chained(side, "1.0.0", fields)), { departures: [...MEANT, ...ONE_ACTION] });
  });

  it("ADD with the longest burst", () => {
    const overflow: Departure = {
      path: /qdiscs after ADD qdiscs \d$/,
      reason: "The reference's limit overflows, and is less than the burst",
    };
    const fields = { egressRate: 10 ** 9, egressBurst: 2 ** 35 - 16 };
    expectTwins((side) => limit(side, chained(side, "1.0.0", fields)), {
      departures: [...MEANT, ...ONE_ACTION, overflow],
    });
  });

  it.each<[string, Fields]>([
    ["ingress alone", { egressRate: 0, egressBurst: 0, ingressRate: 8000, ingressBurst: 80 }],
    ["no limits", { egressRate: 0, ingressBurst: 0 }],
    ["nothing", {}],
    ["the runtime's limits where its own are 0", { egressRate: 0, runtimeConfig: { bandWidth } }],
  ])("ADD with %s", (_, fields) => {
    expectTwins((side) => limit(side, chained(side, "1.0.0", fields)));
  });

  it.each<[string, Fields]>([
    ["a burst without rate", { ingressRate: 0, ingressBurst: 123, egressRate: 123, egressBurst: 123 }],
    ["a rate without burst", { egressRate: 123 }],
    ["an invalid limit of its own, the runtime's notwithstanding", { ingressBurst: 123, runtimeConfig: { bandWidth } }],
    ["a burst of four gigabytes", { egressRate: 5000, egressBurst: 2 ** 35 }],
    ["no limits where they are texts", { egressRate: "5M", egressBurst: "5M" }],
  ])("ADD refuses %s", (_, fields) => {
    expectTwins((side) => side.add(chained(side, "1.0.0", fields), { plugin, fails: true }), { departures: CODES });
  });

  it("ADD takes the host's end among several veths of the result", () => {
    expectTwins(
      (side) => {
        side.lab.run(["ip", "link", "add", "host-veth-peer1", "type", "veth", "peer", "name", "host-veth-peer2"]);
        const config = chained(side, "1.0.0", limits);
        const { interfaces, ...rest } = Object(config["prevResult"]);
        const more = ["host-veth-peer1", "host-veth-peer2"].map((name) => ({ name, sandbox: "" }));
        limit(side, { ...config, prevResult: { ...rest, interfaces: [...more, ...interfaces] } });
      },
      { departures: [...MEANT, ...ONE_ACTION] },
    );
  });

  it.each<[string, (result: { interfaces: { name: string }[] }) => unknown]>([
    ["has no interfaces", (result) => ({ ...result, interfaces: [], ips: [] })],
    [
      "has not the host's end",
      (result) => ({ ...result, interfaces: result.interfaces.filter(({ name }) => !/^veth/.test(name)) }),
    ],
  ])("ADD refuses a prevResult that %s", (_, change) => {
    expectTwins(
      (side) => {
        const config = chained(side, "1.0.0", limits);
        side.add({ ...config, prevResult: change(Object(config["prevResult"])) }, { plugin, fails: true });
      },
      { departures: CODES },
    );
  });

  it("ADD refuses an interface that is no veth", () => {
    expectTwins(
      (side) => {
        const config = chained(side, "1.0.0", limits);
        side.lab.run(["ip", "link", "add", "eth9", "type", "bridge"], side.netns());
        side.add(config, { plugin, ifname: "eth9", fails: true });
      },
      { departures: CODES },
    );
  });

  it("CHECK refuses limits that are others", () => {
    expectTwins(
      (side) => {
        const config = limit(side, chained(side, "1.0.0", limits));
        side.check({ ...config, egressRate: 24 }, { plugin, fails: true });
        side.check({ ...config, ingressBurst: 16 }, { plugin, fails: true });
      },
      {
        departures: [
          ...MEANT,
          ...ONE_ACTION,
          { path: /CHECK c1 error$/, reference: 999, ours: 104, reason: "What CHECK finds has a code of its own" },
        ],
      },
    );
  });
});

describe("the limits that one has set, the other", () => {
  const fields = { egressRate: 3_333_333, egressBurst: 77_777, ingressRate: 10 ** 9, ingressBurst: 10 ** 7 };

  it("checks and ends: ADD by ours, CHECK and DEL by the reference", () => {
    expectTwins(
      (side) => {
        const config = limit(side, chained(side, "1.0.0", fields));
        side.check(config, { plugin, bin: referenceDir() });
        side.del(config, { plugin, bin: referenceDir() });
      },
      { departures: [...MEANT, ...ONE_ACTION] },
    );
  });

  it("checks and ends: ADD by the reference, CHECK and DEL by ours", () => {
    expectTwins(
      (side) => {
        const config = limit(side, chained(side, "1.0.0", fields), { bin: referenceDir() });
        side.check(config, { plugin });
        side.del(config, { plugin });
      },
      { departures: ENDED.filter(({ path }) => !path.source.includes("qdiscs")) },
    );
  });
});
