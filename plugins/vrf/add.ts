import { CniError } from "../../src/cni/error.ts";
import { type Request, requirePrevResult } from "../../src/cni/request.ts";
import type { Result } from "../../src/cni/result.ts";
import { findLink } from "../../src/netlink/link/get.ts";
import { setLink } from "../../src/netlink/link/set.ts";
import { findInterface, openContainer } from "../../src/steps/container.ts";
import type { Container, Host } from "../../src/steps/host.ts";
import { changeOwing, type Defer, undoOnError } from "../../src/steps/undo.ts";
import { parseVrfConfig, type VrfConfig } from "./config.ts";
import { joinVrf } from "./membership.ts";
import { createVrf, findConfigured, type Vrf } from "./vrf-link.ts";

/** Takes the interface into the VRF, and returns prevResult unchanged. On failure, every change of this call is undone. */
export function add(request: Request, host: Host): Result {
  const config = parseVrfConfig(request);
  const result = requirePrevResult(request, "missing prevResult from earlier plugin");
  const container = openContainer(host, request.netns);
  host.withTables(container, () => undoOnError(request.log, (defer) => join(container, { request, config }, defer)));
  return result;
}

/** Refuses whatever can be refused before the first change. */
function join(
  container: Container,
  { request: { ifname, log }, config }: { request: Request; config: VrfConfig },
  defer: Defer,
): void {
  const { netlink } = container;
  const found = findConfigured(netlink, config);
  const link = findInterface(container, ifname);
  if (link === undefined) throw new CniError("invalidConfig", `cmdAdd failed: could not get link by name ${ifname}`);
  if (link.master !== undefined) {
    const master = findLink(netlink, link.master)?.name ?? `link ${link.master}`;
    const message = `cmdAdd failed: interface ${ifname} has already a master set: ${master}`;
    throw new CniError("interfaceExists", message);
  }
  const vrf = found ?? createVrf(netlink, config, defer);
  if (found !== undefined && !found.link.up) bringUp(container, found, defer);
  joinVrf({ netlink, link, vrf, log }, defer);
}

/** Through a VRF that is down nothing is sent. */
function bringUp({ netlink }: Container, { link }: Vrf, defer: Defer): void {
  changeOwing(
    defer,
    () => setLink(netlink, link, { up: false }),
    () => setLink(netlink, link, { up: true }),
  );
}
