import { type Request, requirePrevResult } from "../../src/cni/request.ts";
import type { Result } from "../../src/cni/result.ts";
import { formatAddress } from "../../src/ip/address.ts";
import { findLink, findOtherEnd } from "../../src/netlink/link/get.ts";
import type { Link } from "../../src/netlink/link/message.ts";
import { addressesOf, checkAddresses, missingAddresses } from "../../src/steps/check-addresses.ts";
import { openContainer } from "../../src/steps/container.ts";
import { checkInterface } from "../../src/steps/container-interface.ts";
import { refuseDifferences } from "../../src/steps/differences.ts";
import { checkForwarding } from "../../src/steps/forwarding.ts";
import type { Container, Host } from "../../src/steps/host.ts";
import { checkWithIpam } from "../../src/steps/ipam.ts";
import { checkMasquerade } from "../../src/steps/masquerade/masquerade.ts";
import { findReported } from "../../src/steps/reported.ts";
import { type PtpConfig, parsePtpConfig } from "./config.ts";
import { familiesOf, findMissingRoutes, gatewaysOf } from "./host-end.ts";
import { planRoutes } from "./routes.ts";

/** What a CHECK works with. */
interface Inspection {
  readonly request: Request;
  readonly config: PtpConfig;
  readonly result: Result;
  readonly host: Host;
  readonly container: Container;
}

/** Compares the host's state with what ADD set up and reported. @throws CniError checkFailed naming every difference */
export function check(request: Request, host: Host): void {
  checkWithIpam(request, host, { inspect: () => inspect(request, host), compare });
}

function inspect(request: Request, host: Host): Inspection {
  const config = parsePtpConfig(request);
  const result = requirePrevResult(request);
  return { request, config, result, container: openContainer(host, request.netns), host };
}

function compare(inspection: Inspection): void {
  const { request, config, result, host, container } = inspection;
  const { ifname } = request;
  const inside = findLink(container.netlink, ifname);
  const { ipMasqBackend: asked, nonMasqueradeCIDRs: keep } = config;
  refuseDifferences([
    ...checkInterface(container, inside, { ifname, kind: "veth", result, mayBeDown: false }),
    ...(inside === undefined ? [] : checkHostEnd(inspection, inside)),
    ...(inside === undefined ? [] : checkInside(inspection, inside)),
    ...(config.ipMasq ? checkMasquerade(host, { request, asked, ips: result.ips, keep }) : []),
  ]);
}

/** The container's addresses, the way to its gateways, and the routes of the result. */
function checkInside({ request, result, container }: Inspection, inside: Link): readonly string[] {
  const routes = planRoutes(addressesOf(result, request.ifname), result.routes);
  return checkAddresses(container.netlink, inside, { ...result, routes });
}

/** The host's end of the veth. Its MAC is not checked: udev changes that of a Go plugin's. */
function checkHostEnd({ request, config, result, host }: Inspection, inside: Link): readonly string[] {
  const port = findOtherEnd(host.netlink, inside);
  if (port === undefined) return [`The host's end of "${request.ifname}" was not found`];
  const what = `Link "${port.name}"`;
  const reported = findReported(result, port.name);
  const mtu = reported?.mtu ?? (config.mtu === 0 ? port.mtu : config.mtu);
  const ips = addressesOf(result, request.ifname);
  return [
    ...(reported === undefined ? [`${what} is not among prevResult's interfaces`] : []),
    ...(port.mtu === mtu ? [] : [`${what} has MTU ${port.mtu}, expected ${mtu}`]),
    ...(port.up ? [] : [`${what} is down, expected up`]),
    ...missingAddresses(host.netlink, port, { what, prefixes: gatewaysOf(ips) }),
    ...findMissingRoutes(host, port, ips).map(
      ({ address }) => `The host does not reach ${formatAddress(address.address)} through link "${port.name}"`,
    ),
    ...familiesOf(ips).flatMap((family) => checkForwarding(host, family)),
  ];
}
