import { chainName, referenceChainName } from "../../../plugins/portmap/iptables-chains.ts";
import { plugin } from "../../../plugins/portmap/main.ts";
import { formatPort, listOwnPorts } from "../../../plugins/portmap/published.ts";
import { createRequest } from "../../../src/cni/request.ts";
import type { Result } from "../../../src/cni/result.ts";
import { formatResult } from "../../../src/cni/result-json.ts";
import type { Restores } from "../../../src/netfilter/iptables/tool.ts";
import { IPPROTO } from "../../../src/netfilter/nftables/match.ts";
import { addAddress } from "../../../src/netlink/address/add.ts";
import { CONNECTION_FAMILY } from "../../../src/netlink/conntrack/header.ts";
import { encodeConnection, readConnection } from "../../../src/netlink/conntrack/message.ts";
import { addBridge } from "../../../src/netlink/link/add.ts";
import { getLink } from "../../../src/netlink/link/get.ts";
import { ERRNO, LinuxError } from "../../../src/platform/errno.ts";
import { FakeKernel } from "../../kernel/fake-kernel.ts";
import { hostOn } from "../../kernel/host.ts";
import { address, prefix } from "../../netlink/text.ts";
import { IptablesHost } from "./iptables-host.ts";
import { useIptables } from "./replaced.ts";

/** Whose attachment, and with what addresses; default: eth0 of container c1 on network net1. */
interface Called {
  readonly containerId?: string;
  readonly ifname?: string;
  readonly network?: string;
  /** The addresses of prevResult; empty for none. */
  readonly ips?: readonly string[];
}

type Verb = "ADD" | "CHECK" | "DEL" | "GC" | "STATUS";

/** The addresses of container c1, and of c2. */
export const C1 = ["10.88.0.2/16", "fd00:88::2/64"];
export const C2 = ["10.88.0.3/16", "fd00:88::3/64"];

/** The rules of the Go plugin's iptables backend for 8080/tcp of a container, of IPv4 with `snat` and without hostIP. */
export function referenceRules(containerId: string, to: string, network = "net1"): readonly string[] {
  const chain = referenceChainName({ network, containerId });
  const comment = String.raw`-m comment --comment "dnat name: \"${network}\" id: \"${containerId}\""`;
  const end = "-p tcp -m tcp --dport 8080";
  return [
    `-N ${chain}`,
    `-A CNI-HOSTPORT-DNAT -p tcp ${comment} -m multiport --dports 8080 -j ${chain}`,
    `-A ${chain} -s 10.88.0.0/16 ${end} -j CNI-HOSTPORT-SETMARK`,
    `-A ${chain} -s 127.0.0.1/32 ${end} -j CNI-HOSTPORT-SETMARK`,
    `-A ${chain} ${end} -j DNAT --to-destination ${to}`,
  ];
}

/** The rules of table nat that all mappings share. */
export const SHARED_RULES: readonly string[] = [
  "-N CNI-HOSTPORT-SETMARK",
  "-N CNI-HOSTPORT-MASQ",
  "-N CNI-HOSTPORT-DNAT",
  '-A CNI-HOSTPORT-SETMARK -m comment --comment "CNI portfwd masquerade mark" -j MARK --set-xmark 0x2000/0x2000',
  "-A CNI-HOSTPORT-MASQ -m mark --mark 0x2000/0x2000 -j MASQUERADE",
  '-A POSTROUTING -m comment --comment "CNI portfwd requiring masquerade" -j CNI-HOSTPORT-MASQ',
  "-A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT",
  "-A OUTPUT -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT",
];

/** The chain of an attachment. */
export function chainOf({ network = "net1", ifname = "eth0", containerId = "c1" }: Called = {}): string {
  return chainName({ network, ifname, containerId });
}

/** A host whose bridge cni0 leads to 10.88.0.0/16 and fd00:88::/64, the tools on it, and the verbs of portmap. */
export class PortHost {
  readonly kernel = new FakeKernel();
  readonly iptables = new IptablesHost(this.kernel);
  readonly log: string[] = [];
  /** Whether the kernel has nf_tables. */
  hasNftables = true;
  /** Where changes by iptables are held back, if anywhere. */
  restores: Restores | undefined;

  constructor() {
    useIptables(this.iptables);
    const netlink = this.kernel.openRoute();
    addBridge(netlink, { name: "cni0", up: true });
    for (const text of ["10.88.0.1/16", "fd00:88::1/64"])
      addAddress(netlink, getLink(netlink, "cni0"), { prefix: prefix(text), withoutDad: true });
  }

  /** ADD of these mappings. */
  add(portMappings: readonly object[], fields: object = {}, called: Called = {}): Result {
    return plugin.add(this.#request("ADD", { runtimeConfig: { portMappings }, ...fields }, called), this.#open());
  }

  check(portMappings: readonly object[], fields: object = {}, called: Called = {}): void {
    plugin.check(this.#request("CHECK", { runtimeConfig: { portMappings }, ...fields }, called), this.#open());
  }

  /** DEL without mappings and prevResult, unless they are given. */
  del(fields: object = {}, called: Called = {}): void {
    plugin.del(this.#request("DEL", fields, { ips: [], ...called }), this.#open());
  }

  /** GC with this list of valid attachments. */
  gc(valid: readonly object[] | undefined, called: Called = {}): void {
    const fields = { "cni.dev/valid-attachments": valid };
    plugin.gc?.(this.#request("GC", fields, { ips: [], ...called }), this.#open());
  }

  status(fields: object = {}): void {
    plugin.status?.(this.#request("STATUS", fields, { ips: [] }), this.#open());
  }

  reapply(portMappings: readonly object[], fields: object = {}, called: Called = {}) {
    const request = this.#request("CHECK", { runtimeConfig: { portMappings }, ...fields }, called);
    return plugin.reapply?.(request, this.#open());
  }

  /** Takes back an ADD whose result nobody heard. */
  withdraw(called: Called = {}): void {
    plugin.withdraw?.(this.#request("ADD", {}, { ips: [], ...called }), this.#open());
  }

  /** The mappings in table cni_portmap: `8080->80/tcp of 10.88.0.2`. */
  targets(): readonly string[] {
    return listOwnPorts(this.kernel.openNetfilter()).map((port) => `${formatPort(port)} of ${port.containerIp}`);
  }

  /** Tracks a UDP connection to 10.88.0.1 port `port` that leads to a container's address and port. */
  track(port: number, to: string, toPort: number): void {
    const proto = { protocol: IPPROTO.UDP, sourcePort: 4000, destinationPort: port };
    const attributes = {
      id: port,
      original: { ip: { source4: address("192.0.2.9"), destination4: address("10.88.0.1") }, proto },
      reply: {
        ip: { source4: address(to), destination4: address("192.0.2.9") },
        proto: { protocol: IPPROTO.UDP, sourcePort: toPort, destinationPort: 4000 },
      },
    };
    const connection = readConnection({ payload: encodeConnection({ family: CONNECTION_FAMILY[4], attributes }) });
    this.kernel.host.connections = [...this.kernel.host.connections, connection];
  }

  /** The host's ports of the connections that are left. */
  get connections(): readonly (number | undefined)[] {
    return this.kernel.host.connections.map(({ original }) => original.destinationPort);
  }

  /** All rules in nf_tables with this text. */
  rulesWith(text: string): readonly string[] {
    return this.#rules().filter((line) => line.includes(text));
  }

  get localnet(): string {
    return this.kernel.host.sysctls.read("net/ipv4/conf/cni0/route_localnet");
  }

  #rules(): readonly string[] {
    return this.kernel.snapshot()["host"]?.rules ?? [];
  }

  #open() {
    const host = Object.defineProperty(hostOn(this.kernel, { launch: this.iptables.launch }), "restores", {
      value: this.restores,
    });
    if (this.hasNftables) return host;
    const openNetfilter = () => {
      throw new LinuxError("open a socket", { syscall: "socket", errno: ERRNO.EPROTONOSUPPORT });
    };
    return Object.defineProperties(host, { openNetfilter: { value: openNetfilter } });
  }

  #request(verb: Verb, fields: object, { containerId = "c1", ifname = "eth0", network = "net1", ips = C1 }: Called) {
    const given = { interfaces: [], ips: ips.map((text) => ({ address: prefix(text) })), routes: [], dns: {} };
    const prevResult = ips.length === 0 ? {} : { prevResult: JSON.parse(formatResult(given, "1.1.0")) };
    const json = { cniVersion: "1.1.0", name: network, type: "portmap", ...prevResult, ...fields };
    return createRequest(verb, {
      network: { name: network, json },
      version: "1.1.0",
      stdin: Buffer.from(JSON.stringify(json)),
      environment: { CNI_CONTAINERID: containerId, CNI_IFNAME: ifname },
      log: (line: string) => void this.log.push(line),
    });
  }
}
