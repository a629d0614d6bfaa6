import type { Request } from "../../src/cni/request.ts";
import type { Result } from "../../src/cni/result.ts";
import { openContainer } from "../../src/steps/container.ts";
import { refuseExisting } from "../../src/steps/container-interface.ts";
import type { Container, Host } from "../../src/steps/host.ts";
import { configureInterface, prepareInterface, refuseMtuBelowIpv6 } from "../../src/steps/interface.ts";
import { chooseDns, holdAssignment } from "../../src/steps/ipam.ts";
import { masquerade, openMasqueradeBackend } from "../../src/steps/masquerade/masquerade.ts";
import { reportLink } from "../../src/steps/reported.ts";
import { type Defer, undoOnError } from "../../src/steps/undo.ts";
import { connectVeth, type VethPair, waitUntilUp } from "../../src/steps/veth.ts";
import { type PtpConfig, parsePtpConfig, refuseWithoutIpam } from "./config.ts";
import { addGateways, addHostRoutes, bringUpHostEnd, familiesOf, forwardFor, gatewaysOf } from "./host-end.ts";
import { planIps, planRoutes } from "./routes.ts";

/** Connects a container to the host by a veth pair, and routes its addresses. On failure, every change of this call is undone. */
export function add(request: Request, host: Host): Result {
  return undoOnError(request.log, (defer) => {
    const ipam = holdAssignment(request, host, defer) ?? refuseWithoutIpam();
    const config = parsePtpConfig(request);
    const container = openContainer(host, request.netns);
    refuseExisting(container, request.ifname);
    const backend = config.ipMasq ? openMasqueradeBackend(host, request, config.ipMasqBackend) : undefined;
    // The kernel may refuse here, before IPAM takes an address.
    const veth = connect(request, host, { config, container }, defer);
    ipam.begin();
    bringUp(host, container, veth);
    const answer = ipam.result();
    const ips = planIps(answer);
    const { routes } = answer;
    refuseMtuBelowIpv6(ips, veth.port.mtu);
    const inside = { ips, routes: planRoutes(ips, routes), enableDad: false, isRouted: true };
    configureInterface(container, veth.inside, inside);
    addGateways(host, veth.port, gatewaysOf(ips));
    addHostRoutes(host, veth.port, ips);
    forwardFor(host, veth.port, familiesOf(ips));
    const keep = config.nonMasqueradeCIDRs;
    if (backend !== undefined) masquerade(host, { request, backend, ips, keep }, defer);
    const interfaces = [reportLink(veth.port), reportLink(veth.inside, request.netns)];
    return { interfaces, ips, routes, dns: chooseDns(config.dns, answer) };
  });
}

function connect(
  request: Request,
  host: Host,
  { config, container }: { config: PtpConfig; container: Container },
  defer: Defer,
): VethPair {
  const { ifname } = request;
  const spec = { container, ifname, mtu: config.mtu, mac: undefined, isolated: false, up: false, owner: request };
  return connectVeth(host, spec, defer);
}

function bringUp(host: Host, container: Container, { port, inside }: VethPair): void {
  bringUpHostEnd(host, port);
  prepareInterface(container, inside, { enableDad: false, foreseeable: false, managed: true });
  waitUntilUp(host, port, "veth in error state");
}
