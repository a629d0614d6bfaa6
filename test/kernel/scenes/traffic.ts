import { addRedirect } from "../../../src/netlink/filter/add.ts";
import { listIngressFilters } from "../../../src/netlink/filter/list.ts";
import { addIfb } from "../../../src/netlink/link/add.ts";
import { deleteLink } from "../../../src/netlink/link/delete.ts";
import { getLink } from "../../../src/netlink/link/get.ts";
import { addIngress, addTokenBucket } from "../../../src/netlink/qdisc/add.ts";
import { deleteQdisc } from "../../../src/netlink/qdisc/delete.ts";
import { findQdisc } from "../../../src/netlink/qdisc/get.ts";
import { HANDLE, TC_H } from "../../../src/netlink/qdisc/header.ts";
import { supportsTokenBucket } from "../../../src/netlink/qdisc/support.ts";
import { bound, connect } from "./links.ts";
import type { Scene } from "./record.ts";

const BUCKET = { rate: 1_250_000, limit: 65_536, buffer: 100_000 };

/** Limits of what a link sends and receives. */
export const traffic: Scene = (world) => {
  const { host } = world;
  const { note, lines } = bound();
  connect(world);
  const port = getLink(host, "veth0");
  note("the kernel can", () => supportsTokenBucket(host));
  note("nothing at the root", () => findQdisc(host, port, TC_H.ROOT));
  note("a token bucket", () => addTokenBucket(host, port, BUCKET));
  note("a second one", () => addTokenBucket(host, port, BUCKET));
  note("an empty one", () => addTokenBucket(host, getLink(host, "br0"), { ...BUCKET, buffer: 0 }));
  note("as it is", () => findQdisc(host, port, TC_H.ROOT));
  note("one of more than four gigabytes a second", () => {
    addTokenBucket(host, getLink(host, "br0"), { ...BUCKET, rate: 5_000_000_000 });
    return findQdisc(host, getLink(host, "br0"), TC_H.ROOT);
  });
  addIfb(host, { name: "ifb9", up: true });
  const ifb = getLink(host, "ifb9");
  note("no filters without the qdisc", () => listIngressFilters(host, port));
  note("a filter without the qdisc", () => addRedirect(host, port, ifb));
  note("no ingress yet", () => findQdisc(host, port, TC_H.INGRESS));
  note("ingress", () => addIngress(host, port));
  note("a second one", () => addIngress(host, port));
  note("as it is", () => findQdisc(host, port, TC_H.INGRESS));
  note("no filter yet", () => listIngressFilters(host, port));
  note("a filter", () => addRedirect(host, port, ifb));
  note("to no link", () => addRedirect(host, port, { index: 99, name: "none" }));
  note("all filters", () => listIngressFilters(host, port));
  note("where the other link is gone", () => {
    deleteLink(host, ifb);
    return listIngressFilters(host, port);
  });
  note("of another number", () => deleteQdisc(host, port, { handle: 0x00020000, parent: TC_H.ROOT }));
  note("the bucket goes", () => deleteQdisc(host, port, { handle: HANDLE.TOKEN_BUCKET, parent: TC_H.ROOT }));
  note("again", () => deleteQdisc(host, port, { handle: HANDLE.TOKEN_BUCKET, parent: TC_H.ROOT }));
  note("ingress goes", () => deleteQdisc(host, port, { handle: HANDLE.INGRESS, parent: TC_H.INGRESS }));
  note("again", () => deleteQdisc(host, port, { handle: HANDLE.INGRESS, parent: TC_H.INGRESS }));
  note("on no link", () => findQdisc(host, { index: 99, name: "none" }, TC_H.ROOT));
  return lines;
};
