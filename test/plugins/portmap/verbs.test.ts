import { beforeEach, describe, expect, test, vi } from "vitest";
import { plugin } from "../../../plugins/portmap/main.ts";
import { C2, PortHost } from "./port-host.ts";
import { portmapRequest } from "./request.ts";

vi.mock("../../../src/netfilter/rule-locks.ts", async () => (await import("./replaced.ts")).ruleLocks);
vi.mock("../../../src/netfilter/executable.ts", async () => (await import("./replaced.ts")).executable);
vi.mock("../../../src/netfilter/iptables/legacy-table.ts", async () => (await import("./replaced.ts")).legacyTable);

let host: PortHost;

beforeEach(() => {
  host = new PortHost();
});

const web = { hostPort: 8080, containerPort: 80, protocol: "tcp" };
const LOCALNET = "net/ipv4/conf/cni0/route_localnet";

describe("portmap without ports to map", () => {
  test.each([
    ["without portMappings", []],
    ["with mappings of a family that the container has no address of", [{ ...web, hostIP: "::" }]],
  ])("%s asks the host nothing, which may lack everything", (_, mappings) => {
    for (const name of ["iptables-restore", "nft"]) host.iptables.missing.add(name);
    host.hasNftables = false;
    const asked = host.kernel.requests;
    const called = { ips: ["10.88.0.2/16"] };
    expect(host.add(mappings, {}, called).ips).toHaveLength(1);
    host.check(mappings, {}, called);
    expect(host.reapply(mappings, {}, called)).toEqual({ rebuilt: [], failed: [] });
    expect([host.kernel.requests, host.iptables.commands]).toEqual([asked, []]);
  });
});

describe("portmap that is not chained", () => {
  test("refuses ADD and CHECK, the first in the Go plugin's words", () => {
    const message = "must be called as chained plugin";
    expect(() => host.add([web], {}, { ips: [] })).toThrow(expect.objectContaining({ message }));
    expect(() => host.check([web], {}, { ips: [] })).toThrow("prevResult");
    expect(host.targets()).toEqual([]);
  });
});

test("CHECK names the sysctl together with what is missing", () => {
  host.add([web]);
  host.kernel.host.sysctls.write(LOCALNET, "0");
  const message = "Sysctl net.ipv4.conf.cni0.route_localnet is 0, expected 1";
  expect(() => host.check([web])).toThrow(expect.objectContaining({ code: 104, message }));
  host.del();
  expect(() => host.check([web])).toThrow(new RegExp(`^Nftables chain .* is missing; ${message}$`));
});

test.each([{ backend: "nftables" }, { backend: "iptables" }])("reapply rebuilds what is missing of %j", (fields) => {
  host.add([web], fields);
  expect(host.reapply([web], fields)).toEqual({ rebuilt: [], failed: [] });
  host.kernel.host.sysctls.write(LOCALNET, "0");
  expect(host.reapply([web], fields)).toEqual({ rebuilt: ["route_localnet"], failed: [] });
  expect(host.localnet).toBe("1");
  host.del();
  expect(host.reapply([web], fields)).toEqual({ rebuilt: ["port mappings"], failed: [] });
  host.check([web], fields);
  host.del();
  host.add([web], fields, { containerId: "c2", ips: C2 });
  const { rebuilt, failed } = host.reapply([web], fields) ?? {};
  expect([rebuilt, failed?.length]).toEqual([[], 1]);
  host.check([web], fields, { containerId: "c2", ips: C2 });
});

test("reapply leaves route_localnet alone for ports of other addresses", () => {
  const mappings = [{ ...web, hostIP: "192.0.2.1" }];
  host.add(mappings);
  expect(host.reapply(mappings)).toEqual({ rebuilt: [], failed: [] });
  expect(host.localnet).toBe("0");
});

test("ADD on a host without nf_tables and without iptables says what it needs which for", () => {
  host.hasNftables = false;
  host.iptables.missing.add("iptables-restore");
  const message =
    "Cannot use portMappings: the kernel has no nf_tables, and iptables-restore is not installed: install iptables";
  expect(() => host.add([web])).toThrow(expect.objectContaining({ code: 2, message }));
});

describe("STATUS", () => {
  test("accepts a host that can map ports, and changes nothing", () => {
    const before = host.kernel.snapshot();
    host.status();
    host.status({ backend: "iptables" });
    expect(host.kernel.snapshot()).toEqual(before);
    expect(host.iptables.commands).toEqual([]);
  });

  test("answers 50 where the kernel lacks what rules need, and says what to load", () => {
    host.kernel.features.missingExpressions.add("masq");
    const message = 'Cannot add rule "meta mark & 0x20 != 0 masquerade"';
    const details =
      'load what the kernel lacks, "modprobe -a nft_chain_nat nft_fib_inet nft_nat nft_masq", or set backend to "iptables"';
    expect(() => host.status({ markMasqBit: 5 })).toThrow(
      expect.objectContaining({ code: 50, message: expect.stringContaining(message), details }),
    );
    host.status({ backend: "iptables" });
  });

  test("answers 50 where the backend's tools are missing, and 7 where the configuration is wrong", () => {
    host.iptables.missing.add("iptables-restore");
    const message = 'Cannot use backend "iptables": iptables-restore is not installed: install iptables';
    expect(() => host.status({ backend: "iptables" })).toThrow(
      expect.objectContaining({ code: 50, message, details: "" }),
    );
    expect(() => host.status({ backend: "other" })).toThrow(expect.objectContaining({ code: 7 }));
  });
});

test("withdraw deletes what an ADD made whose result nobody heard", () => {
  host.add([web]);
  host.add([{ ...web, hostPort: 81 }], { backend: "iptables" }, { containerId: "c2", ips: C2 });
  host.withdraw();
  expect(host.targets()).toEqual([]);
  host.withdraw({ containerId: "c2" });
  expect(host.iptables.rules().filter((line) => line.includes("DNAT --to"))).toEqual([]);
});

test("cnictl learns that portmap is chained, its fields, and what it refuses", () => {
  const found = plugin.configuration?.();
  expect(found?.place).toBe("chained");
  expect(found?.parse(portmapRequest({ backend: "nftables" }))).toEqual({});
  expect(() => found?.parse(portmapRequest({ markMasqBit: 32 }))).toThrow("MasqMarkBit must be between 0 and 31");
  expect(found?.schema()).toBeDefined();
  expect(plugin.name).toBe("portmap");
});
