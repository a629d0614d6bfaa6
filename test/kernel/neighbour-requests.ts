import { isSameAddress } from "../../src/ip/address.ts";
import { ERRNO } from "../../src/linux/errno.ts";
import type { Request } from "../../src/netlink/answers.ts";
import { encodeFamily } from "../../src/netlink/family.ts";
import { NLM_F } from "../../src/netlink/message.ts";
import { decodeNeighbour, encodeNeighbour, readNeighbour } from "../../src/netlink/neighbour/message.ts";
import { RTM } from "../../src/netlink/rtnetlink.ts";
import type { Answer } from "./answer.ts";
import type { FakeNamespace, FakeNeighbour } from "./namespace.ts";
import { Refusal } from "./refusal.ts";

/** RTM_NEWNEIGH. @throws Refusal ENODEV, EEXIST */
export function requestNewNeighbour(namespace: FakeNamespace, { flags, payload }: Request): void {
  const wanted = readNeighbour(payload);
  if (!namespace.links.has(wanted.index)) throw new Refusal(ERRNO.ENODEV);
  const found = find(namespace, wanted);
  if (found !== undefined && (flags & NLM_F.EXCL) !== 0) throw new Refusal(ERRNO.EEXIST);
  namespace.neighbours = [...namespace.neighbours.filter((each) => each !== found), wanted];
}

/** RTM_DELNEIGH. @throws Refusal ENODEV, ENOENT */
export function requestDeleteNeighbour(namespace: FakeNamespace, { payload }: Request): void {
  const wanted = readNeighbour(payload);
  if (!namespace.links.has(wanted.index)) throw new Refusal(ERRNO.ENODEV);
  const found = find(namespace, wanted);
  if (found === undefined) throw new Refusal(ERRNO.ENOENT);
  namespace.neighbours = namespace.neighbours.filter((each) => each !== found);
}

/** RTM_GETNEIGH: a list of those of one link, or of all. */
export function requestNeighbours(namespace: FakeNamespace, { payload }: Request): readonly Answer[] {
  const { header, attributes } = decodeNeighbour(payload);
  return namespace.neighbours
    .filter(({ index }) => attributes.index === undefined || attributes.index === index)
    .filter(({ address }) => header.family === 0 || header.family === encodeFamily(address.family))
    .map(({ address, mac, index, state }) => ({
      type: RTM.NEWNEIGH,
      payload: encodeNeighbour({
        header: { family: encodeFamily(address.family), index, state },
        attributes: { address, mac },
      }),
    }));
}

function find(namespace: FakeNamespace, wanted: Pick<FakeNeighbour, "index" | "address">): FakeNeighbour | undefined {
  return namespace.neighbours.find((each) => {
    return each.index === wanted.index && isSameAddress(each.address, wanted.address);
  });
}
