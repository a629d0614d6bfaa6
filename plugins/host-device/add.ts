import type { Request } from "../../src/cni/request.ts";
import type { Result } from "../../src/cni/result.ts";
import { findPciAddress } from "../../src/linux/device.ts";
import type { Device } from "../../src/netlink/link/device.ts";
import { attach } from "../../src/steps/attachment.ts";
import { openContainer } from "../../src/steps/container.ts";
import type { Host } from "../../src/steps/host.ts";
import { chooseDns, holdAssignment } from "../../src/steps/ipam.ts";
import { undoOnError } from "../../src/steps/undo.ts";
import { type HostDeviceConfig, isInUserSpace, parseHostDeviceConfig, requireSelector } from "./config.ts";
import { takeDevice } from "./take.ts";

/** Moves a device of the host into a container. On failure, every change of this call is undone. */
export function add(request: Request, host: Host): Result {
  const config = parseHostDeviceConfig(request);
  requireSelector(config);
  if (isInUserSpace(config)) return assign(request, host, config);
  let device: Device | undefined;
  const result = attach(request, host, () => {
    return {
      dns: config.dns,
      connect: (container, defer) => {
        const taken = takeDevice({ request, host, config, container }, defer);
        device = taken.device;
        return taken.link;
      },
    };
  });
  const pciID = pciIdOf(config, device);
  return pciID === undefined
    ? result
    : { ...result, interfaces: result.interfaces.map((each) => ({ ...each, pciID })) };
}

/** A program has the device, so the container gets no link: only the result has what IPAM assigned. */
function assign(request: Request, host: Host, config: HostDeviceConfig): Result {
  return undoOnError(request.log, (defer) => {
    const ipam = holdAssignment(request, host, defer);
    openContainer(host, request.netns);
    ipam?.begin();
    const answer = ipam?.result();
    const pciID = pciIdOf(config, undefined);
    const { ifname: name, netns: sandbox } = request;
    return {
      interfaces: [{ name, sandbox, ...(pciID !== undefined && { pciID }) }],
      ips: (answer?.ips ?? []).map((ip) => ({ ...ip, interface: 0 })),
      routes: answer?.routes ?? [],
      dns: chooseDns(config.dns, answer),
    };
  });
}

function pciIdOf({ selector }: HostDeviceConfig, device: Device | undefined): string | undefined {
  return selector?.by === "pci" ? selector.value : findPciAddress(device?.bus, device?.parent);
}
