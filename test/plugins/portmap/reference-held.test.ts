import { beforeEach, describe, expect, test } from "vitest";
import { openPortsBackend } from "../../../plugins/portmap/backend.ts";
import { parsePortmapConfig } from "../../../plugins/portmap/config.ts";
import { planPorts } from "../../../plugins/portmap/plan.ts";
import type { Redirect } from "../../../plugins/portmap/redirect.ts";
import { findReferenceHeld } from "../../../plugins/portmap/reference-held.ts";
import { addTable } from "../../../src/netfilter/nftables/table.ts";
import { applyTransaction } from "../../../src/netfilter/nftables/transaction.ts";
import { OWN_TABLES } from "../../../src/netfilter/tables.ts";
import { FakeKernel } from "../../kernel/fake-kernel.ts";
import { hostOn } from "../../kernel/host.ts";
import { prefix } from "../../netlink/text.ts";
import { addGoTable } from "./go-tables.ts";
import { portmapRequest } from "./request.ts";

let kernel: FakeKernel;

// With a table of ours, the kernel is not asked whether it can translate addresses.
beforeEach(() => {
  kernel = new FakeKernel();
  const { family, table } = OWN_TABLES.ports;
  applyTransaction(kernel.openNetfilter(), [addTable({ family, name: table, flags: 0 })], { action: "arrange" });
});

/** The Go plugin's table with a rule for 8085/tcp of container c2. */
function mapByReference(): void {
  addGoTable(kernel, 4, [{ containerId: "c2", hostPort: 8085, to: ["10.1.0.9", 80] }]);
}

/** What is found for a mapping by container c1, and the number of requests for it. */
function find(mapping: object, containerId = "c1") {
  const request = { ...portmapRequest({ runtimeConfig: { portMappings: [mapping] } }), containerId };
  const config = parsePortmapConfig(request);
  const result = { interfaces: [], ips: [{ address: prefix("10.1.0.2/24") }], routes: [], dns: {} };
  const redirects: readonly Redirect[] = planPorts(request, config, result).families.flatMap((each) => each.redirects);
  const before = kernel.requests;
  const backend = openPortsBackend(hostOn(kernel), request, config);
  const opened = kernel.requests;
  const held = findReferenceHeld(backend, redirects, request)?.held.owner?.containerId;
  return { held, opening: opened - before, finding: kernel.requests - opened };
}

const taken = { hostPort: 8085, containerPort: 80, protocol: "tcp" };

describe("findReferenceHeld()", () => {
  test("asks nothing on a host without the reference plugin's tables, which opening the backend tells in its one request", () => {
    expect(find(taken)).toEqual({ held: undefined, opening: 1, finding: 0 });
  });

  test("finds the container that has the port, by one request for each chain", () => {
    mapByReference();
    expect(find(taken)).toEqual({ held: "c2", opening: 1, finding: 2 });
    expect(find({ ...taken, hostIP: "192.0.2.1" }).held).toBe("c2");
  });

  test.each([
    ["another port", { ...taken, hostPort: 8086 }, "c1"],
    ["another protocol", { ...taken, protocol: "udp" }, "c1"],
    ["the same container", taken, "c2"],
  ])("finds nothing for %s", (_, mapping, containerId) => {
    mapByReference();
    expect(find(mapping, containerId).held).toBeUndefined();
  });
});
