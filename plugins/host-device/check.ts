import { type Request, requirePrevResult } from "../../src/cni/request.ts";
import type { Result } from "../../src/cni/result.ts";
import { findDevice } from "../../src/netlink/link/device.ts";
import { checkAddresses } from "../../src/steps/check-addresses.ts";
import { openContainer } from "../../src/steps/container.ts";
import { checkInterface } from "../../src/steps/container-interface.ts";
import { refuseDifferences } from "../../src/steps/differences.ts";
import type { Container, Host } from "../../src/steps/host.ts";
import { checkWithIpam } from "../../src/steps/ipam.ts";
import { isInUserSpace, parseHostDeviceConfig } from "./config.ts";
import { type DeviceRecord, findRecord } from "./record.ts";
import { findInside } from "./whereabouts.ts";

/** What a CHECK works with. A device that a program has is not looked at. */
interface Inspection {
  readonly result: Result;
  readonly container: Container;
  readonly record: DeviceRecord | undefined;
  readonly isLink: boolean;
}

/** Compares the container's interface with what ADD moved and reported. @throws CniError checkFailed naming every difference */
export function check(request: Request, host: Host): void {
  const inspect = (): Inspection => {
    const config = parseHostDeviceConfig(request);
    const result = requirePrevResult(request);
    const container = openContainer(host, request.netns);
    const record = findRecord(config.dataDir, request, request.log);
    return { result, container, record, isLink: record !== undefined || !isInUserSpace(config) };
  };
  checkWithIpam(request, host, { inspect, compare: (inspection) => compare(request, inspection) });
}

function compare({ ifname }: Request, { result, container, record, isLink }: Inspection): void {
  if (!isLink) return;
  const found = findDevice(container.netlink, ifname);
  const link = found?.name === ifname ? found : undefined;
  const kind = record?.kind ?? link?.kind ?? "";
  const isOther = link !== undefined && record !== undefined && findInside(container, record)?.index !== link.index;
  refuseDifferences([
    ...checkInterface(container, link, { ifname, kind, result, mayBeDown: false }),
    ...(isOther ? [`Interface "${ifname}" in ${container.path} is not the device "${record.name}" of the host`] : []),
    ...(link === undefined ? [] : checkAddresses(container.netlink, link, result)),
  ]);
}
