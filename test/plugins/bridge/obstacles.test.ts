import { afterEach, describe, expect, test, vi } from "vitest";
import { examineGateway } from "../../../plugins/bridge/obstacles.ts";
import { findForwardRefusal, listDroppingChains } from "../../../src/netfilter/forward-refusal.ts";
import { findNftChain } from "../../../src/netfilter/iptables/nft-filter.ts";
import { addBridge, addIfb } from "../../../src/netlink/link/add.ts";
import { getLink } from "../../../src/netlink/link/get.ts";
import { addRoute } from "../../../src/netlink/route/add.ts";
import { openNetfilter } from "../../../src/steps/netfilter.ts";
import { prefix } from "../../netlink/text.ts";
import { arrange } from "./attachment.ts";

vi.mock("../../../src/netfilter/forward-refusal.ts", () => ({
  findForwardRefusal: vi.fn(),
  listDroppingChains: vi.fn(() => []),
}));
vi.mock("../../../src/netfilter/iptables/nft-filter.ts", () => ({ findNftChain: vi.fn() }));
vi.mock("../../../src/steps/netfilter.ts", () => ({ openNetfilter: vi.fn(() => ({ netlink: undefined })) }));

afterEach(() => void vi.resetAllMocks());

const ADVICE =
  ': containers are cut off unless "firewall" stands behind "bridge" in the list, or rules there accept their packets; published ports need such rules';

/** What is logged about a bridge with new addresses, on a host with such rules. */
function examine({
  added = ["10.88.0.1/16", "fd00:88::1/64"],
  hasNetfilter = true,
  accepting = [] as number[],
  drops = true,
  uplinks = ["eth0.100"],
}) {
  const { kernel, host, logged, request } = arrange({});
  addBridge(host.netlink, { name: "cni0", mac: "02:00:00:00:00:01", up: true });
  for (const [index, name] of uplinks.entries())
    addIfb(host.netlink, { name, mac: `02:00:00:00:00:1${index}`, up: true });
  const ways = uplinks.map((name) => ({ index: getLink(host.netlink, name).index, gateway: undefined }));
  addRoute(host.netlink, getLink(host.netlink, "eth0.100"), { destination: prefix("0.0.0.0/0") });
  kernel.host.routes = kernel.host.routes.map((each) => (each.destination.length === 0 ? { ...each, ways } : each));
  for (const name of ["cni0", ...uplinks])
    kernel.host.sysctls.write(`net/ipv4/conf/${name}/forwarding`, name === "up2" ? "1" : "0");
  const netlink = hasNetfilter ? kernel.openNetfilter() : undefined;
  vi.mocked(openNetfilter).mockReturnValue({
    netlink,
    hasTable: () => false,
    invocation: { environment: {}, deadline: 0, launch: expect.fail, owners: [] },
  });
  vi.mocked(listDroppingChains).mockReturnValue(["chain f of nftables table inet t has policy drop"]);
  vi.mocked(findForwardRefusal).mockImplementation((_, { family, variant }) =>
    drops ? `chain of ${family}-${variant}` : undefined,
  );
  vi.mocked(findNftChain).mockImplementation((_, { family, name }) =>
    accepting.includes(family) && name === "CNI-FORWARD" ? { policy: undefined, rules: () => [] } : undefined,
  );
  const gateway = getLink(host.netlink, "cni0");
  examineGateway(request("ADD"), host, { gateway, added: added.map(prefix), ips: [] });
  return { logged, forwarding: kernel.host.sysctls.read("net/ipv4/conf/cni0/forwarding") };
}

const CHAIN = `Chain f of nftables table inet t has policy drop${ADVICE}`;
const refusals = (...names: readonly string[]) => names.map((name) => `Chain of ${name}${ADVICE}`);

const uplink = (name: string, parameter: string) =>
  `Link "${name}" does not forward IPv4, so no answer comes to containers through it: sysctl -w ${parameter}=1`;
const UPLINK = uplink("eth0.100", "net/ipv4/conf/eth0.100/forwarding");

describe("examineGateway()", () => {
  test("names each firewall of the addresses' families that drops what it does not accept", () => {
    const { logged, forwarding } = examine({});
    expect(logged).toEqual([...refusals("4-nft", "4-legacy", "6-nft", "6-legacy"), CHAIN, UPLINK]);
    expect(forwarding).toBe("1");
    expect(examine({ added: ["10.88.0.1/16", "10.89.0.1/16"] }).logged).toEqual([
      ...refusals("4-nft", "4-legacy"),
      CHAIN,
      UPLINK,
    ]);
    expect(examine({ drops: false }).logged).toEqual([CHAIN, UPLINK]);
  });

  test("says nothing of a family that firewall accepts packets of", () => {
    expect(examine({ accepting: [4] }).logged).toEqual([...refusals("6-nft", "6-legacy"), CHAIN, UPLINK]);
  });

  test("looks at iptables-legacy alone where there is no nf_tables", () => {
    const { logged } = examine({ hasNetfilter: false, accepting: [4, 6] });
    expect(logged).toEqual([...refusals("4-nft", "4-legacy", "6-nft", "6-legacy"), UPLINK]);
    expect(listDroppingChains).not.toHaveBeenCalled();
  });

  test("names each of several uplinks that does not forward", () => {
    const { logged } = examine({ drops: false, uplinks: ["eth0.100", "up1", "up2"] });
    expect(logged).toEqual([CHAIN, UPLINK, uplink("up1", "net.ipv4.conf.up1.forwarding")]);
  });

  test("leaves forwarding alone of a family that has no new address, and says nothing of it", () => {
    expect(examine({ added: ["fd00:88::1/64"] })).toEqual({
      logged: [...refusals("6-nft", "6-legacy"), CHAIN],
      forwarding: "0",
    });
  });
});
