import { expect, test } from "vitest";
import type { DhcpLeaseView } from "../../../src/cnictl/inventory/dhcp-leases.ts";
import { collectMetrics } from "../../../src/cnictl/metrics/collect.ts";
import { formatMetrics } from "../../../src/cnictl/metrics/exposition.ts";

function lease(network: string, state: DhcpLeaseView["state"]): DhcpLeaseView {
  return {
    ...{ network, containerId: "c1", ifname: "eth0", netns: "/run/netns/c1", boot: "this", state },
    ...{ address: "10.9.0.7", server: "10.9.0.1", until: 0, file: `/run/cni/dhcp/${network}:c1:eth0.json` },
  };
}

function samplesOf(name: string, dhcp: readonly DhcpLeaseView[]): readonly string[] {
  const inventory = { networks: [], broken: [], folders: [], attachments: [], problems: [] };
  const text = formatMetrics(collectMetrics({ inventory, dhcp, isLiving: () => false }));
  return text.split("\n").filter((line) => line.startsWith(`${name}{`));
}

test("collectMetrics() counts the leases of DHCP servers by network and state", () => {
  const dhcp = [lease("lan", "in use"), lease("lan", "in use"), lease("lan", "over"), lease("dmz", "orphan")];
  expect(samplesOf("cni_dhcp_leases", dhcp)).toEqual([
    'cni_dhcp_leases{network="lan",state="in_use"} 2',
    'cni_dhcp_leases{network="lan",state="over"} 1',
    'cni_dhcp_leases{network="lan",state="orphan"} 0',
    'cni_dhcp_leases{network="dmz",state="in_use"} 0',
    'cni_dhcp_leases{network="dmz",state="over"} 0',
    'cni_dhcp_leases{network="dmz",state="orphan"} 1',
  ]);
  expect(samplesOf("cni_dhcp_leases", [])).toEqual([]);
});
