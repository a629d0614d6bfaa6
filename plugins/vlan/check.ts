import { type Request, requirePrevResult } from "../../src/cni/request.ts";
import type { Result } from "../../src/cni/result.ts";
import type { Child } from "../../src/netlink/link/child.ts";
import type { Link } from "../../src/netlink/link/message.ts";
import { checkAttachment } from "../../src/steps/attachment.ts";
import type { Container, Host } from "../../src/steps/host.ts";
import { checkParent, findMaster } from "../../src/steps/master.ts";
import { isShared, parseVlanConfig, type VlanConfig } from "./config.ts";
import { findSharedVlan, SHARED_SETTINGS } from "./shared-vlan.ts";

/** Compares the container's interface with what ADD set up and reported. @throws CniError checkFailed naming every difference */
export function check(request: Request, host: Host): void {
  if (isShared(request)) checkShared(request, host);
  else checkOwn(request, host);
}

function checkOwn(request: Request, host: Host): void {
  const kind = "vlan";
  checkAttachment(request, host, {
    kind,
    prepare: () => {
      const { config, result } = parse(request);
      return {
        result,
        compare: (child, container) => [
          ...checkId(child, config),
          ...checkMtu(child.link, config),
          ...checkParent(child, { config, kind, container, find: () => findMaster(host, container, config) }),
        ],
      };
    },
  });
}

function checkShared(request: Request, host: Host): void {
  checkAttachment(request, host, {
    kind: "macvlan",
    prepare: () => {
      const { config, result } = parse(request);
      return {
        result,
        compare: (child, container) => [
          ...(child.settings.mode === SHARED_SETTINGS.mode ? [] : [`Interface "${child.link.name}" has another mode`]),
          ...checkMtu(child.link, config),
          ...checkBelow(child, { host, container, config }),
        ],
      };
    },
  });
}

function parse(request: Request): { readonly config: VlanConfig; readonly result: Result } {
  const config = parseVlanConfig(request);
  return { config, result: requirePrevResult(request, "vlan: Required prevResult missing") };
}

function checkId({ link, settings }: Child<"vlan">, { vlanId }: VlanConfig): readonly string[] {
  return settings.id === vlanId ? [] : [`Interface "${link.name}" is in VLAN ${settings.id}, expected ${vlanId}`];
}

function checkMtu({ name, mtu: found }: Link, { mtu }: VlanConfig): readonly string[] {
  return mtu === 0 || mtu === found ? [] : [`Interface "${name}" has MTU ${found}, expected ${mtu}`];
}

/** The link that the containers share, between the container's interface and the master. */
function checkBelow(
  child: Child<"macvlan">,
  { host, container, config }: { host: Host; container: Container; config: VlanConfig },
): readonly string[] {
  const master = findMaster(host, container, config);
  const link = findSharedVlan({ master, id: config.vlanId });
  if (link === undefined) return [`Link in VLAN ${config.vlanId} of "${master.link.name}" is missing`];
  return [
    ...(link.up ? [] : [`Link "${link.name}" is down`]),
    ...checkParent(child, { config, kind: "macvlan", container, find: () => ({ ...master, link }) }),
  ];
}
