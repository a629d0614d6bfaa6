import { beforeEach, describe, expect, test, vi } from "vitest";
import type { BackendName } from "../../../plugins/firewall/config.ts";
import { chooseFirewalls } from "../../../plugins/firewall/firewalls.ts";
import type { FilterTable } from "../../../plugins/firewall/iptables.ts";
import { status } from "../../../plugins/firewall/status.ts";
import type { Family } from "../../../src/ip/address.ts";
import { IptablesError } from "../../../src/netfilter/iptables/tool.ts";
import { ERRNO, LinuxError } from "../../../src/platform/errno.ts";
import type { Host } from "../../../src/steps/host.ts";
import { FakeKernel } from "../../kernel/fake-kernel.ts";
import { hostOn } from "../../kernel/host.ts";
import { addRequest } from "../request.ts";

/** The host: whether firewalld runs and knows the zone, which tables' FORWARD chains drop, and for which families a command is missing. */
interface Machine {
  readonly firewalld?: boolean;
  readonly zone?: boolean;
  readonly dropping?: readonly string[];
  readonly missing?: readonly Family[];
  readonly nftables?: boolean;
}

let machine: Machine;

vi.mock("../../../src/steps/firewalld.ts", () => ({
  findFirewalld: () => (machine.firewalld ? {} : undefined),
  knowsZone: () => machine.zone,
}));

vi.mock("../../../src/netfilter/forward-refusal.ts", () => ({
  findForwardRefusal: (_: unknown, { family, variant }: FilterTable) =>
    machine.dropping?.includes(`${family} ${variant}`) ? `FORWARD of ${family} ${variant} drops` : undefined,
}));

vi.mock("../../../src/netfilter/iptables/tool.ts", async (original) => ({
  ...(await original<object>()),
  findRestore: (family: Family) => {
    if (machine.missing?.includes(family)) throw new IptablesError("missing", `no command of ${family}`);
  },
  variantOf: () => "nft",
}));

beforeEach(() => {
  machine = {};
});

function host(): Host {
  const found = hostOn(new FakeKernel());
  if (machine.nftables !== false) return found;
  const openNetfilter = () => {
    throw new LinuxError("open a socket", { syscall: "socket", errno: ERRNO.EPROTONOSUPPORT });
  };
  return Object.defineProperties({} as Host, {
    ...Object.getOwnPropertyDescriptors(found),
    openNetfilter: { value: openNetfilter },
  });
}

const request = addRequest({ cniVersion: "1.1.0", name: "net1", type: "firewall" });

/** What is chosen, in words. */
function chosen(backend: BackendName | undefined, which: Machine, families: readonly Family[] = [4, 6]) {
  machine = which;
  const { netlink, tables, firewalld, refusals } = chooseFirewalls(host(), { request, config: { backend } }, families);
  return {
    told: [
      ...(netlink === undefined ? [] : ["nftables"]),
      ...tables.map(({ family, variant }) => `${family} ${variant}`),
      ...(firewalld === undefined ? [] : ["firewalld"]),
    ],
    refusals,
  };
}

describe("chooseFirewalls()", () => {
  const DROPS = { dropping: ["4 nft", "6 legacy"] };

  test.each<[string, BackendName | undefined, Machine, readonly string[]]>([
    ["our table alone where nothing else drops", undefined, {}, ["nftables"]],
    ["whatever drops besides", undefined, DROPS, ["nftables", "4 nft", "6 legacy"]],
    ["firewalld where it runs", undefined, { firewalld: true }, ["nftables", "firewalld"]],
    ["both", undefined, { ...DROPS, firewalld: true }, ["nftables", "4 nft", "6 legacy", "firewalld"]],
    ["iptables where the kernel has nothing else", undefined, { nftables: false }, ["4 nft", "6 nft"]],
    ["firewalld in its place", undefined, { nftables: false, firewalld: true }, ["firewalld"]],
    ["the commands' tables and those that drop", "iptables", DROPS, ["nftables", "4 nft", "6 nft", "6 legacy"]],
    ["no firewalld that was not asked for", "iptables", { firewalld: true }, ["nftables", "4 nft", "6 nft"]],
    ["firewalld that was asked for", "firewalld", { firewalld: true, missing: [4, 6] }, ["nftables", "firewalld"]],
    ["our table alone if that was asked for", "nftables", { firewalld: true, missing: [4, 6] }, ["nftables"]],
  ])("takes %s", (_, backend, which, told) => {
    expect(chosen(backend, which)).toEqual({ told, refusals: [] });
  });

  test.each(["nftables", "firewalld"] as const)("with backend %s, says what drops all the same", (backend) => {
    const { told, refusals } = chosen(backend, { ...DROPS, firewalld: true });
    expect(told).not.toContain("4 nft");
    expect(refusals).toEqual(["FORWARD of 4 nft drops", "FORWARD of 6 legacy drops"]);
  });

  test("looks at the attachment's families alone", () => {
    expect(chosen(undefined, DROPS, [4]).told).toEqual(["nftables", "4 nft"]);
    expect(chosen("iptables", { missing: [4] }, [6]).told).toEqual(["nftables", "6 nft"]);
    expect(chosen("nftables", DROPS, [6]).refusals).toEqual(["FORWARD of 6 legacy drops"]);
  });

  test.each<[BackendName, Machine, string]>([
    ["nftables", { nftables: false }, "the kernel has no nf_tables"],
    ["firewalld", {}, "it is not on the system's message bus"],
    ["iptables", { missing: [6] }, "no command of 6"],
  ])("refuses backend %s where the host lacks it", (backend, which, reason) => {
    expect(() => chosen(backend, which)).toThrow(
      expect.objectContaining({ code: 2, message: expect.stringContaining(`backend "${backend}": ${reason}`) }),
    );
  });
});

describe("status()", () => {
  function problems(fields: object, which: Machine): unknown {
    machine = which;
    const asked = addRequest({ cniVersion: "1.1.0", name: "net1", type: "firewall", ...fields });
    try {
      status(asked, host());
    } catch (error) {
      return error;
    }
    return undefined;
  }

  test.each<[string, object, Machine]>([
    ["nothing drops", {}, { missing: [4, 6] }],
    ["firewalld knows the zone", {}, { firewalld: true, zone: true }],
    ["what drops will have rules", {}, { dropping: ["4 nft"] }],
  ])("succeeds where %s", (_, fields, which) => expect(problems(fields, which)).toBeUndefined());

  test.each<[string, object, Machine, string]>([
    [
      "a container would be cut off",
      { backend: "nftables" },
      { dropping: ["4 nft"] },
      'Containers would be cut off: FORWARD of 4 nft drops: leave backend unset or set it to "iptables", or let packets through there',
    ],
    ["the command is missing", {}, { dropping: ["4 nft", "6 nft"], missing: [6] }, "no command of 6"],
    [
      "firewalld has no such zone",
      { firewalldZone: "pods" },
      { firewalld: true, zone: false },
      'firewalld has no zone "pods": make it, or set firewalldZone to another',
    ],
    [
      "the backend is missing",
      { backend: "nftables" },
      { nftables: false },
      'Cannot use backend "nftables": the kernel has no nf_tables',
    ],
  ])("fails with code 50 where %s", (_, fields, which, message) => {
    expect(problems(fields, which)).toMatchObject({ code: 50, message });
  });
});
