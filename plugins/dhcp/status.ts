import type { Request } from "../../src/cni/request.ts";
import { readBootClock } from "../../src/linux/boot-clock.ts";
import { findBoot } from "../../src/linux/boot-id.ts";
import { parseDhcp } from "./config.ts";
import { leaseFolder, listLeases } from "./lease-file.ts";

/** Whether an ADD could succeed: it asks no server. Logs if leases of the network are not renewed in time. @throws CniError invalidConfig */
export function status(request: Request): void {
  const { socket } = parseDhcp(request);
  const folder = leaseFolder(socket);
  const boot = findBoot();
  const now = readBootClock();
  const late = listLeases(folder, request.log).filter(
    ({ record: { network, boot: of, lease } }) => network === request.network && of === boot && now > lease.rebindAt,
  );
  if (late.length === 0) return;
  const count = late.length === 1 ? "1 lease is" : `${late.length} leases are`;
  request.log(
    `${count} not renewed in time: see whether "dhcp daemon" runs with socket ${socket}, and whether it has an answer`,
  );
}
