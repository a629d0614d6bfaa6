import fs from "node:fs";
import path from "node:path";
import { describe, expect, it, test, vi } from "vitest";
import { saveLease } from "../../../plugins/dhcp/lease-store.ts";
import { plugin } from "../../../plugins/dhcp/main.ts";
import { formatResult } from "../../../src/cni/result-json.ts";
import { OPTION } from "../../../src/dhcp/options.ts";
import { readBoot } from "../../../src/linux/boot-id.ts";
import { addAddress } from "../../../src/netlink/address/add.ts";
import { deleteAddress } from "../../../src/netlink/address/delete.ts";
import { addVeth } from "../../../src/netlink/link/add.ts";
import { deleteLink } from "../../../src/netlink/link/delete.ts";
import { findLink, getLink } from "../../../src/netlink/link/get.ts";
import { setLink } from "../../../src/netlink/link/set.ts";
import { ERRNO, LinuxError } from "../../../src/platform/errno.ts";
import { failEach } from "../../kernel/failures.ts";
import { prefix } from "../../netlink/text.ts";
import { lan, START } from "./lan.ts";
import {
  ASKED,
  ASKED6,
  add,
  arrange,
  attach,
  BOTH,
  check,
  del,
  failVerb,
  files,
  GIVEN,
  gc,
  LINK_LOCAL,
  logged,
  MAC,
  ownOf,
  RELEASED,
  RELEASED_IN_PACKET,
  RELEASED6,
  recordOf,
  requestOf,
  type Stage,
  status,
  store,
} from "./stage.ts";

vi.mock("../../../src/linux/boot-clock.ts", async () => ({ readBootClock: (await import("./lan.ts")).readClock }));
vi.mock("../../../src/linux/poll.ts", async () => ({ poll: (await import("./lan.ts")).poll }));
vi.mock("../../../src/platform/pause.ts", async () => ({ pause: (await import("./lan.ts")).wait }));
vi.mock("../../../src/linux/packet-socket.ts", async (original) => ({
  ...(await original<object>()),
  openPacketSocket: (await import("./lan.ts")).openPackets,
}));
vi.mock("../../../src/linux/udp-socket.ts", async () => ({ openUdpSocket: (await import("./lan.ts")).openUdp }));
vi.mock("../../../src/linux/unix-stream.ts", async () => ({ connectUnix: (await import("./lan.ts")).connect }));

type Attached = ReturnType<typeof attach>;

/** Changes the record of the IPv4 lease. */
const change = (changes: object) => saveLease(store(), Object.assign(recordOf(4), changes));

/** Calls it again after a failure: then nothing is left. A RELEASE that could not be sent is logged; whatever else failed is an error. */
const completes =
  (act: (stage: Attached) => void): Parameters<typeof failVerb>[1] =>
  (stage, { asked, isSaid }) => {
    act(stage);
    const lost = [...lan.leases].map((address) => expect.stringContaining(`Cannot give ${address} back`));
    expect({ asked, isSaid, files: files(), logged }).toEqual({
      ...{ asked, isSaid: lost.length === 0 },
      ...{ files: [], logged: lost },
    });
  };

describe("ADD", () => {
  it("gets a lease, reports what the server says, and records it before it wakes the daemon", () => {
    const stage = arrange();
    let woken: readonly string[] = [];
    lan.onConnect = () => {
      woken = files();
    };
    lan.daemon = [];
    const result = add(stage, { ipam: { priority: 77 } });
    expect(lan.sent).toEqual(ASKED);
    const rest = { mtu: 1400, priority: 77 };
    expect(JSON.parse(formatResult(result, "1.1.0"))).toEqual({
      cniVersion: "1.1.0",
      ips: [{ address: `${GIVEN}/24`, gateway: "192.168.1.1" }],
      routes: [
        { dst: "10.0.0.0/8", gw: "192.168.1.3", ...rest },
        { dst: "0.0.0.0/0", gw: "192.168.1.1", ...rest },
        { dst: "192.168.1.77/32", gw: "0.0.0.0", ...rest, scope: 253 },
      ],
      dns: {
        nameservers: ["192.168.1.1", "9.9.9.9"],
        domain: "example.org",
        search: ["eng.example.org", "sales.example.org"],
      },
    });
    expect(recordOf(4)).toMatchObject({
      ...{ family: 4, network: "lan", containerId: "c1", ifname: "eth0", netns: "/run/netns/container" },
      ...{ namespace: `${stage.container.fd}`, boot: readBoot(), index: stage.eth0().index, priority: 77, timeout: 3 },
      ...{ identity: { mac: MAC }, prefix: prefix(`${GIVEN}/24`) },
      lease: { renewAt: START + 60_000, rebindAt: START + 105_000, expireAt: START + 120_000 },
    });
    expect([lan.connected, woken]).toEqual([[`${store()}.sock`], ["lan:c1:eth0.json"]]);
    expect(stage.eth0().up).toBe(true);
  });

  it("tells the server who asks, what is provided, and what it wants to know", () => {
    const provide = [
      { option: "host-name", value: "blue" },
      { option: "60", value: "x", fromArg: "CLASS" },
    ];
    const request = [{ skipDefault: true, option: "routers" }];
    add(arrange(), { ipam: { provide, request, broadcast: true }, args: "CLASS=fast" });
    const text = (value: string) => new TextEncoder().encode(value);
    expect(lan.messages.map(({ mac, broadcast }) => [mac, broadcast])).toEqual([
      [MAC, true],
      [MAC, true],
    ]);
    for (const { options } of lan.messages) {
      expect([OPTION.HOST_NAME, OPTION.VENDOR_CLASS].map((code) => options.get(code))).toEqual([
        text("blue"),
        text("fast"),
      ]);
      expect(options.get(OPTION.PARAMETERS)).toEqual(Uint8Array.of(OPTION.ROUTERS));
      expect(options.get(OPTION.CLIENT_ID)).toEqual(text("\0c1/lan/eth0"));
    }
  });

  it("gets a lease of each family, of IPv6 when the link-local address can be used, in one result", () => {
    const stage = arrange();
    const result = JSON.parse(formatResult(add(stage, { ipam: BOTH }), "1.1.0"));
    expect(lan.sent).toEqual([...ASKED, ...ASKED6]);
    expect(result.ips).toEqual([{ address: `${GIVEN}/24`, gateway: "192.168.1.1" }, { address: "fd00::18/128" }]);
    expect(result.dns).toEqual({
      nameservers: ["192.168.1.1", "9.9.9.9", "fd00::1", "fd00::2"],
      domain: "example.org",
      search: ["eng.example.org", "sales.example.org", "a.example.org", "b.example.org"],
    });
    expect(files()).toEqual(["lan:c1:eth0.json", "lan:c1:eth0:ipv6.json"]);
    expect(recordOf(6)).toMatchObject({ family: 6, prefix: prefix("fd00::18/128"), index: stage.eth0().index });
  });

  it("needs no daemon, and asks for IPv6 alone where that is wanted", () => {
    add(arrange(), { ipam: { families: [6] } });
    expect([lan.sent, files()]).toEqual([ASKED6, ["lan:c1:eth0:ipv6.json"]]);
  });

  it("asks again where an answer is lost", () => {
    lan.unanswered = ["DISCOVER"];
    lan.onSent = () => {
      if (lan.sent.length === 2) lan.unanswered = [];
    };
    add(arrange());
    const [discover, request] = ASKED;
    expect(lan.sent).toEqual([discover, discover, request]);
  });

  const silent = 'Cannot get a DHCP lease for "eth0" within 3 s: ';
  const log = "see the server's log";

  it.each([
    [
      "is silent",
      { unanswered: ["DISCOVER"] },
      `${silent}no server answered 2 questions`,
      /^see whether a DHCP server/,
    ],
    [
      "answers no request",
      { unanswered: ["REQUEST"] },
      `${silent}server 192.168.1.1 offered ${GIVEN}, and did not answer the request for it`,
      log,
    ],
    ["refuses", { refused: ["REQUEST"] }, `${silent}server 192.168.1.1 refused ("no longer")`, log],
    [
      "names no mask",
      { options: { [OPTION.SUBNET_MASK]: undefined } },
      "DHCP option Subnet Mask not found in DHCPACK",
      "let the server send option 1",
    ],
    [
      "is silent to IPv6",
      { unanswered: ["SOLICIT6"] },
      /^Cannot get a DHCPv6 lease for "eth0" within 3 s: no server answered [23] questions$/,
      /^see whether a DHCPv6 server/,
    ],
    [
      "has no IPv6 address",
      { refused: ["SOLICIT6"] },
      /^Cannot get .*: server DUID [0-9a-f]+ refused \("no more"\)$/,
      log,
    ],
  ])("fails with code 11 where the server %s, and nothing is left", (_, server, message, details) => {
    const stage = arrange();
    Object.assign(lan, server);
    const before = ownOf(stage);
    const said = typeof message === "string" ? message : expect.stringMatching(message);
    const failure = expect.objectContaining({ code: 11, message: said, details: expect.stringMatching(details) });
    expect(() => add(stage, { ipam: BOTH })).toThrow(failure);
    expect(ownOf(stage)).toEqual(before);
    expect(performance.now()).toBeLessThanOrEqual(3000);
    expect(logged).toEqual([]);
  });

  it("gives up after five refusals: the server would say no again", () => {
    lan.refused = ["REQUEST"];
    const stage = arrange();
    expect(() => add(stage, { ipam: { timeout: 60 } })).toThrow('server 192.168.1.1 refused ("no longer")');
    expect(lan.sent.filter((each) => each === ASKED[1])).toHaveLength(5);
    expect(performance.now()).toBeLessThan(20_000);
  });

  it("says that the link went down", () => {
    const stage = arrange();
    lan.unanswered = ["DISCOVER"];
    lan.onSent = () => setLink(stage.inside, stage.eth0(), { up: false });
    const message = `${silent}Cannot send to a socket: Network is down`;
    const details = "see whether the link is up";
    expect(() => add(stage)).toThrow(expect.objectContaining({ code: 11, message, details }));
  });

  it("says that the link has no carrier, and sends nothing", () => {
    const stage = arrange();
    setLink(stage.outside, getLink(stage.outside, "v0"), { up: false });
    const message = `${silent}the link has no carrier`;
    expect(() => add(stage)).toThrow(expect.objectContaining({ code: 11, message }));
    expect([lan.sent, stage.eth0().up]).toEqual([[], false]);
  });

  it("refuses an interface that is missing or is no Ethernet", () => {
    const stage = arrange();
    const call = (ifname: string) => () => plugin.add({ ...requestOf("ADD"), ifname }, stage.host);
    expect(call("eth9")).toThrow(
      expect.objectContaining({ code: 7, message: 'error looking up "eth9": Link not found' }),
    );
    expect(call("lo")).toThrow(expect.objectContaining({ code: 2 }));
    expect(() => add(stage, { netns: "/run/netns/gone" })).toThrow(expect.objectContaining({ code: 8 }));
    expect(lan.sent).toEqual([]);
  });

  it("turns IPv6 on for a lease of it, and off again where it fails", () => {
    const stage = arrange();
    const { sysctls } = stage.container;
    const key = "net/ipv6/conf/eth0/disable_ipv6";
    sysctls.write(key, "1");
    // As the kernel does when IPv6 is turned on.
    lan.onWait = () => {
      const isOn = sysctls.read(key) === "0" && stage.container.addressesOf(stage.eth0().index, 6).length === 0;
      if (isOn) addAddress(stage.inside, stage.eth0(), { prefix: prefix(`${LINK_LOCAL}/64`), withoutDad: true });
    };
    lan.unanswered = ["SOLICIT6"];
    expect(() => add(stage, { ipam: BOTH })).toThrow("no server answered");
    expect([sysctls.read(key), [...lan.leases]]).toEqual(["1", []]);
    lan.unanswered = [];
    add(stage, { ipam: BOTH });
    expect([sysctls.read(key), files().length]).toEqual(["0", 2]);
  });

  it.each([
    [
      "it has no IPv6 link-local address",
      (stage: Stage) => stage.container.sysctls.write("net/ipv6/conf/eth0/addr_gen_mode", "1"),
    ],
    [
      "another host has its IPv6 link-local address",
      (stage: Stage) => Object.assign(stage.container, { takenElsewhere: [prefix(`${LINK_LOCAL}/64`).address] }),
    ],
    [
      "its IPv6 link-local address is still tentative",
      () => {
        lan.onWait = () => {};
      },
    ],
  ])("fails where %s, and gives the IPv4 lease back", (text, spoil) => {
    const stage = arrange();
    spoil(stage);
    const message = `Cannot get a DHCPv6 lease for "eth0": ${text}`;
    expect(() => add(stage, { ipam: BOTH })).toThrow(expect.objectContaining({ code: 11, message }));
    expect([lan.sent, [...lan.leases], files()]).toEqual([[...ASKED, RELEASED_IN_PACKET], [], []]);
  });

  it("gives its leases back where it cannot record them", () => {
    const stage = arrange();
    fs.writeFileSync(store(), "");
    expect(() => add(stage, { ipam: BOTH })).toThrow(expect.objectContaining({ code: 103 }));
    expect(lan.sent).toEqual([...ASKED, ...ASKED6, RELEASED6, RELEASED_IN_PACKET]);
    expect(stage.eth0().up).toBe(false);
  });

  it("leaves nothing behind, whichever of its requests fails", () => {
    const act = (stage: Stage) => void add(stage, { ipam: BOTH });
    const begin = () => {
      fs.rmSync(store(), { recursive: true, force: true });
      lan.leases.clear();
      return arrange();
    };
    expect(failEach(begin, act, ownOf)).toBeGreaterThan(4);
  });
});

const BACK = { files: [], leases: [] };

describe("DEL", () => {
  it("sends a RELEASE of each family from the interface's addresses, and deletes the records; twice is once", () => {
    const stage = attach({ ipam: BOTH });
    del(stage);
    expect(lan.sent).toEqual([RELEASED, RELEASED6]);
    expect(ownOf(stage)).toMatchObject(BACK);
    del(stage);
    expect([lan.sent.length, logged]).toEqual([2, []]);
  });

  it("sends it to everyone on the link where the interface lacks the address", () => {
    const stage = attach();
    deleteAddress(stage.inside, stage.eth0(), prefix(`${GIVEN}/24`));
    del(stage);
    expect(lan.sent).toEqual([RELEASED_IN_PACKET]);
    expect(ownOf(stage)).toMatchObject(BACK);
  });

  it.each([
    ["until the RELEASE has left", 10, 10],
    ["3.5 s at most for one that cannot leave", Infinity, 3500],
  ])("waits %s: the interface is deleted next", (_, unsent, least) => {
    const stage = attach();
    const from = performance.now();
    lan.unsent = unsent;
    del(stage);
    expect(performance.now() - from).toBeGreaterThanOrEqual(least);
    expect(performance.now() - from).toBeLessThan(least + 20);
    expect(ownOf(stage)).toMatchObject(BACK);
  });

  it("finds the namespace by the record where CNI_NETNS is missing or leads elsewhere, whatever became of the configuration", () => {
    for (const netns of ["", "/run/netns/other", "/run/netns/gone"]) {
      const stage = attach();
      stage.kernel.addNamespace("other");
      del(stage, { netns, ipam: { request: "all", timeout: -1 } });
      expect({ netns, sent: lan.sent }).toEqual({ netns, sent: [RELEASED] });
      expect(ownOf(stage)).toMatchObject(BACK);
    }
  });

  const LOST: readonly (readonly [string, (stage: Attached) => unknown])[] = [
    [
      "the namespace is gone",
      ({ kernel }) =>
        vi.spyOn(kernel, "namespaceAt").mockImplementation((at) => {
          throw new LinuxError(`open netns "${at}"`, { syscall: "open", errno: ERRNO.ENOENT });
        }),
    ],
    ["the path leads to another namespace", () => change({ namespace: "4026531840:1" })],
    ["the host has booted since", () => change({ boot: "b1ca416b" })],
    ["the interface is gone", ({ inside, eth0 }) => deleteLink(inside, eth0())],
    [
      "another interface has its name",
      ({ inside, outside, container, eth0 }) => {
        deleteLink(inside, eth0());
        addVeth(outside, { name: "v1", up: true, peer: { name: "eth0", mac: MAC, netns: container.fd } });
      },
    ],
    ["the interface is down", ({ inside, eth0 }) => setLink(inside, eth0(), { up: false })],
  ];

  it.each(LOST)("deletes the record and sends nothing where %s", (_, lose) => {
    const stage = attach();
    lose(stage);
    del(stage);
    expect([lan.sent, files(), logged]).toEqual([[], [], []]);
  });

  it("logs what cannot be sent, and deletes the record: the server frees the address in the end", () => {
    const stage = attach({ ipam: BOTH });
    for (const { prefix: own } of stage.container.addressesOf(stage.eth0().index, 6))
      deleteAddress(stage.inside, stage.eth0(), own);
    del(stage);
    expect([lan.sent, files()]).toEqual([[RELEASED], []]);
    expect(logged).toEqual([
      'Cannot give fd00::18 back to its server: Cannot get a DHCPv6 lease for "eth0": it has no IPv6 link-local address',
    ]);
  });

  it("logs a record that is broken, and deletes it", () => {
    const stage = attach();
    const file = path.join(store(), "lan:c1:eth0.json");
    fs.writeFileSync(file, "{");
    del(stage);
    expect([lan.sent, files()]).toEqual([[], []]);
    expect(logged).toEqual([expect.stringContaining(`Cannot read the lease in ${file}: `)]);
  });

  it("leaves the leases of others", () => {
    const stage = attach();
    saveLease(store(), { ...recordOf(4), containerId: "c2" });
    del(stage, { containerId: "c3" });
    expect([lan.sent, files()]).toEqual([[], ["lan:c1:eth0.json", "lan:c2:eth0.json"]]);
  });

  it("does the rest when it is called again, whichever of its requests fails", () => {
    failVerb(
      (stage) => del(stage),
      completes((stage) => del(stage)),
    );
  });

  describe("without a record", () => {
    const [hello, welcome, request, answer] = [0, 1, 2, 3].map(capturedLine);

    it("has the Go plugins' daemon release, and gives its error", () => {
      const stage = arrange();
      lan.daemon = [welcome, answer].map(bytesOf);
      del(stage);
      expect(lan.connected).toEqual([`${store()}.sock`]);
      // The types come first, then values that are this call's own.
      expect(lan.written).toEqual([
        hello,
        expect.stringMatching(`^${request?.slice(0, 90)}.*${toHex("DHCP.Release")}`),
      ]);
      lan.daemon = [welcome, "0cff80010161010501026e6f00"].map(bytesOf);
      const message = "error calling DHCP.Release: no";
      expect(() => del(stage)).toThrow(expect.objectContaining({ code: 11, message }));
    });

    it("fails where the daemon does not answer, and passes over one that answers otherwise", () => {
      const stage = arrange();
      lan.daemon = [];
      const message = `Cannot ask the DHCP daemon at ${store()}.sock to release: Cannot receive from a socket: Connection timed out`;
      expect(() => del(stage)).toThrow(expect.objectContaining({ code: 11, message }));
      lan.daemon = [new TextEncoder().encode("HTTP/1.0 404 Not Found\r\n\r\n".padEnd(40))];
      del(stage);
      expect(logged).toEqual([]);
    });

    it("asks no daemon where there is one of either family", () => {
      const stage = attach({ ipam: { families: [6] } });
      del(stage);
      expect(lan.connected).toEqual([]);
    });
  });
});

describe("CHECK", () => {
  it("accepts what ADD made, and sends nothing", () => {
    const stage = attach({ ipam: BOTH });
    const before = ownOf(stage);
    check(stage, { ipam: BOTH, given: stage.given });
    check(stage, { ipam: BOTH, given: { ...stage.given, ips: [] } });
    expect(ownOf(stage)).toEqual(before);
    expect(lan.sent).toEqual([]);
  });

  const what = 'dhcp: interface "eth0" in /run/netns/container';
  const over = `dhcp: the lease of ${GIVEN} is over: start "dhcp daemon", or "dhcp renew" once a minute`;
  const CHANGES: readonly (readonly [string, (stage: Attached) => unknown])[] = [
    [over, () => vi.advanceTimersByTime(120_001)],
    [over, () => change({ boot: "b1ca416b" })],
    [
      `dhcp: the lease of 192.168.1.31 is not in prevResult: a server has given another address since`,
      ({ inside, eth0 }) => {
        const other = prefix("192.168.1.31/24");
        addAddress(inside, eth0(), { prefix: other });
        change({ prefix: other, lease: { ...recordOf(4).lease, address: other.address } });
      },
    ],
    [`${what} is missing`, ({ inside, eth0 }) => deleteLink(inside, eth0())],
    [`${what} is another than the one that the lease is for`, () => change({ index: 77 })],
    [`${what} is another than the one that the lease is for`, () => change({ namespace: "4026531840:1" })],
    [
      `${what} has MAC 02:00:00:00:00:09, and the lease is for ${MAC}`,
      ({ inside, eth0 }) => setLink(inside, eth0(), { mac: "02:00:00:00:00:09" }),
    ],
    [`${what} lacks ${GIVEN}/24`, ({ inside, eth0 }) => deleteAddress(inside, eth0(), prefix(`${GIVEN}/24`))],
    [`${what} lacks fd00::18/128`, ({ inside, eth0 }) => deleteAddress(inside, eth0(), prefix("fd00::18/128"))],
  ];

  it.each(CHANGES)("finds: %s", (message, spoil) => {
    const stage = attach({ ipam: BOTH });
    spoil(stage);
    expect(() => check(stage, { ipam: BOTH, given: stage.given })).toThrow(
      expect.objectContaining({ code: 104, message }),
    );
  });

  it("wants a record of each family", () => {
    const stage = attach();
    const message = "dhcp: Cannot find the lease of container c1";
    const details = `no file "${path.join(store(), "lan:c1:eth0:ipv6.json")}"`;
    expect(() => check(stage, { ipam: BOTH, given: stage.given })).toThrow(
      expect.objectContaining({ code: 104, message, details }),
    );
  });

  it("says whichever of its requests fails, and changes nothing", () => {
    failVerb(
      (stage) => check(stage, { ipam: BOTH, given: stage.given }),
      (stage, { asked, isSaid }) => {
        expect({ asked, isSaid, files: files().length, sent: lan.sent }).toEqual({
          asked,
          isSaid: true,
          files: 2,
          sent: [],
        });
        check(stage, { ipam: BOTH, given: stage.given });
      },
    );
  });
});

describe("GC", () => {
  const kept = { containerID: "c1", ifname: "eth0" };

  it("gives back the leases of the network that are stale, and deletes their records", () => {
    const stage = attach({ ipam: BOTH });
    saveLease(store(), { ...recordOf(4), containerId: "c2", netns: "/run/netns/gone" });
    saveLease(store(), { ...recordOf(4), network: "other" });
    gc(stage, { valid: [kept, { containerID: "c2", ifname: "eth1" }] });
    expect([lan.sent, files()]).toEqual([[], ["lan:c1:eth0.json", "lan:c1:eth0:ipv6.json", "other:c1:eth0.json"]]);
    gc(stage, { valid: [] });
    expect([[...lan.sent].sort(), files()]).toEqual([[RELEASED, RELEASED6].sort(), ["other:c1:eth0.json"]]);
    expect([...lan.leases, ...logged]).toEqual([]);
  });

  it("does nothing without a list, and makes no folder", () => {
    const stage = attach();
    const before = ownOf(stage);
    gc(stage);
    gc(stage, { valid: [kept] });
    expect(ownOf(stage)).toEqual(before);
    gc(stage, { valid: [], ipam: { daemonSocketPath: `${store()}2.sock` } });
    expect(fs.readdirSync(path.dirname(store()))).toEqual(["dhcp"]);
  });

  it("works whatever became of the rest of the configuration, and beside a file that is broken", () => {
    const stage = attach();
    fs.writeFileSync(path.join(store(), "a.json"), "{");
    gc(stage, { valid: [], ipam: { request: "all", timeout: -1 } });
    expect([lan.sent, files()]).toEqual([[RELEASED], ["a.json"]]);
    expect(logged).toEqual([expect.stringContaining(`Cannot read the lease in ${store()}/a.json: `)]);
  });

  it("does the rest when it is called again, whichever of its requests fails", () => {
    const act = (stage: Attached) => void gc(stage, { valid: [] });
    failVerb(act, completes(act));
  });
});

describe("STATUS", () => {
  const late = (count: string) =>
    `${count} not renewed in time: see whether "dhcp daemon" runs with socket ${store()}.sock, and whether it has an answer`;

  it("has nothing to say while leases are renewed, nor without any", () => {
    const stage = arrange();
    status(stage);
    add(stage, { ipam: BOTH });
    status(stage);
    vi.advanceTimersByTime(104_000);
    status(stage);
    expect([logged, lan.sent]).toEqual([[], [...ASKED, ...ASKED6]]);
  });

  it("logs how many leases of the network and of this boot are late", () => {
    const stage = attach();
    saveLease(store(), { ...recordOf(4), containerId: "c2", boot: "b1ca416b" });
    saveLease(store(), { ...recordOf(4), network: "other" });
    vi.advanceTimersByTime(105_001);
    status(stage);
    saveLease(store(), { ...recordOf(4), containerId: "c3" });
    status(stage);
    expect(logged).toEqual([late("1 lease is"), late("2 leases are")]);
  });

  it("refuses what ADD would, and logs a record that is broken", () => {
    const stage = attach();
    fs.writeFileSync(path.join(store(), "a.json"), "{");
    status(stage);
    expect(logged).toEqual([expect.stringContaining(`Cannot read the lease in ${store()}/a.json: `)]);
    expect(() => status(stage, { ipam: { families: [4, 4] } })).toThrow(expect.objectContaining({ code: 7 }));
  });
});

test("no verb opens anything on the host", () => {
  const stage = attach({ ipam: BOTH });
  const before = stage.kernel.snapshot()["host"];
  check(stage, { ipam: BOTH, given: stage.given });
  status(stage);
  del(stage);
  gc(stage, { valid: [] });
  expect(stage.kernel.snapshot()["host"]).toEqual(before);
  expect(stage.kernel.log.filter((line) => line.startsWith("host: ")).length).toBe(1);
  expect(findLink(stage.inside, "eth0")?.up).toBe(true);
});

/** What the reference's client and its daemon said: the n-th line of bytes of the capture, in hexadecimal. */
function capturedLine(line: number): string {
  const file = path.join(import.meta.dirname, "../../captures/dhcp/release-call.hex");
  const lines = fs.readFileSync(file, "utf8").split("\n");
  return lines.filter((each) => /^[0-9a-f]+$/.test(each))[line] ?? "";
}

function bytesOf(hex = ""): Uint8Array {
  return new Uint8Array(Buffer.from(hex, "hex"));
}

function toHex(text: string): string {
  return Buffer.from(text).toString("hex");
}
