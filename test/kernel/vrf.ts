import { decoderOf } from "../../src/netlink/fields.ts";
import { VRF_FIELDS } from "../../src/netlink/link/child.ts";
import { RT_TABLE } from "../../src/netlink/route/header.ts";
import { ERRNO } from "../../src/platform/errno.ts";
import type { FakeLink } from "./link.ts";
import type { FakeNamespace } from "./namespace.ts";
import { Refusal } from "./refusal.ts";

/** The settings of a VRF that is to be made. @throws Refusal EINVAL without a table */
export function planVrf(data: Uint8Array = new Uint8Array()): FakeLink["settings"] {
  const { table = RT_TABLE.UNSPEC } = decoderOf(VRF_FIELDS)(data);
  if (table === RT_TABLE.UNSPEC) throw new Refusal(ERRNO.EINVAL, "Invalid VRF table id");
  return { table };
}

/** The VRF that a link is in. */
export function vrfOf(namespace: FakeNamespace, { master }: Pick<FakeLink, "master">): FakeLink | undefined {
  const found = master === undefined ? undefined : namespace.links.get(master);
  return found?.kind === "vrf" ? found : undefined;
}

/** The tables of a link's own addresses and of their networks: a VRF has one for both. */
export function tablesOf(namespace: FakeNamespace, link: FakeLink | undefined): { local: number; main: number } {
  const table = link && vrfOf(namespace, link)?.settings["table"];
  return { local: table ?? RT_TABLE.LOCAL, main: table ?? RT_TABLE.MAIN };
}
