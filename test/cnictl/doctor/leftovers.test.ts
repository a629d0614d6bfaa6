import { expect, test } from "vitest";
import type { LeaseEntry } from "../../../plugins/host-local/lease-report.ts";
import type { Pool } from "../../../plugins/host-local/pool-report.ts";
import { CniError } from "../../../src/cni/error.ts";
import { leftoverCheck } from "../../../src/cnictl/doctor/leftovers.ts";
import { poolCheck } from "../../../src/cnictl/doctor/pools.ts";
import type { KnownAttachment } from "../../../src/cnictl/inventory/attachments.ts";
import type { Link } from "../../../src/netlink/link/message.ts";
import { examinationOf, networkOf, wrong } from "./examinee.ts";
import { attachment, cached, inventoryOf } from "./inventory.ts";

function lease(address: string, reclaimable?: string): LeaseEntry {
  const owner = { text: "", containerId: "", ifname: "", since: 0, isRecorded: true };
  return { address, ...owner, boot: "this", netns: "", namespace: "unknown", reclaimable };
}

const link = (kind: string) => ({ kind }) as Link;
const place = { comment: "", table: "inet cni_masquerade", count: 2, isReference: false };

function examined(
  list: object,
  parts: Parameters<typeof inventoryOf>[0],
  isOurs: (type: string) => boolean = () => true,
): readonly string[] {
  const network = networkOf({ plugins: [{ type: "bridge", ipam: { type: "host-local" } }], ...list });
  const isLiving = (netns: string) => netns === "/run/netns/alive";
  return wrong(leftoverCheck.run(examinationOf([network], { inventory: () => inventoryOf(parts), isLiving, isOurs })));
}

function leftovers(...attachments: readonly KnownAttachment[]): readonly string[] {
  return examined({}, { attachments });
}

test("attachments that live, or that only another cache may know, are no leftovers", () => {
  const found = leftovers(
    attachment("cached", { cached: cached("/run/netns/alive"), places: [place] }),
    attachment("without-namespace", { cached: cached("") }),
    attachment("linked", { links: [link("veth")], places: [place] }),
    attachment("leased", { leases: [lease("10.1.0.2")], places: [place] }),
    attachment("go", { places: [{ ...place, isReference: true }] }),
  );
  expect(found).toEqual([]);
});

test("what is left is counted by network and reason, and three are named", () => {
  const gone = ["c1", "c2", "c3", "c4"].map((id) =>
    attachment(id, { cached: cached("/run/netns/gone"), leases: [lease("10.1.0.2")], places: [place] }),
  );
  const found = leftovers(
    ...gone,
    attachment("c5", { links: [link("ifb")] }),
    attachment("c6", { leases: [lease("10.1.0.9", "namespace gone")] }),
    attachment("c7", { network: "y", places: [place] }),
  );
  expect(found).toEqual([
    "warning x: left by c1 eth0, c2 eth0, c3 eth0, and 1 more (namespace gone): 4 results, 4 leases, 8 elements | cnictl gc x",
    "warning x: left by c5 eth0 (no interface and no result of ADD): 1 link | cnictl gc x",
    "note x: left by c6 eth0 (ADD may reclaim it): 1 lease | cnictl gc x",
    "warning y: left by c7 eth0 (no interface and no result of ADD): 2 elements | cnictl clean",
  ]);
});

const records = { network: "x", folder: "/l", releaseDelay: 0, pools: undefined, leases: [], resting: new Map() };

test.each([
  ["of ours at 1.1.0", () => true, {}, ["cnictl gc x", "cnictl gc x", "cnictl gc x", "cnictl gc x"]],
  [
    "of ours before 1.1.0, which has no GC",
    () => true,
    { cniVersion: "1.0.0" },
    ["cnictl gc x", "cnictl clean", "cnictl release --network x 10.1.0.9", "rm '/l/.state/attachments/a'"],
  ],
  [
    "of others, which know no marks of ours",
    (type: string) => type !== "bridge",
    {},
    [
      "cnictl gc x; cnictl clean",
      "cnictl clean",
      "cnictl release --network x 10.1.0.9",
      "rm '/l/.state/attachments/a'",
    ],
  ],
  [
    "of a list with disableGC",
    () => true,
    { disableGC: true },
    [
      "cnictl del x /run/netns/gone --container-id c1 -i eth0",
      "cnictl clean",
      "cnictl release --network x 10.1.0.9",
      "rm '/l/.state/attachments/a'",
    ],
  ],
])("the cure removes what is left also with plugins %s", (_, isOurs, list, cures) => {
  const attachments = [
    attachment("c1", { cached: cached("/run/netns/gone"), places: [place] }),
    attachment("c2", { places: [place] }),
    attachment("c3", { leases: [lease("10.1.0.9", "namespace gone")] }),
  ];
  const folders = [{ ...records, strayRecords: ["a"], unreadable: [] }];
  expect(examined(list, { attachments, folders }, isOurs).map((line) => line.split(" | ")[1])).toEqual(cures);
});

test("of many attachments that each need a command, the cure has three, and looks again", () => {
  const left = [1, 2, 3, 4].map((id) =>
    attachment(`c${id}`, { network: "y", cached: { ...cached("/gone"), network: "y" } }),
  );
  const [found] = leftovers(...left);
  const command = (id: number) => `cnictl del y /gone --container-id c${id} -i eth0`;
  expect(found?.split(" | ")[1]).toBe([...[1, 2, 3].map(command), "cnictl doctor"].join("; "));
});

test("records without a lease are a note, and what cannot be read is said, but for broken lists", () => {
  const found = examined(
    {},
    {
      folders: [{ ...records, strayRecords: ["a", "b"], unreadable: [] }],
      broken: [{ file: "/etc/cni/net.d/1.conflist", error: new CniError("invalidConfig", "no name") }],
      problems: ["/etc/cni/net.d/1.conflist: no name", "Cannot list nftables chains: Operation not permitted"],
    },
  );
  expect(found).toEqual([
    "note x: 2 records of attachments without a lease | cnictl gc x",
    "warning inventory: cannot tell: Cannot list nftables chains: Operation not permitted",
  ]);
});

test.each([
  [7, { reclaimable: 0, orphans: 0 }, []],
  [
    8,
    { reclaimable: 0, orphans: 0 },
    [
      "warning x: 10.1.0.2-10.1.0.11: 8 of 10 addresses are leased (80 %), 0 of them reclaimable, 0 orphans, 1 rest | delete containers, or add a range to the list",
    ],
  ],
  [
    10,
    { reclaimable: 1, orphans: 0 },
    [
      "warning x: 10.1.0.2-10.1.0.11: 10 of 10 addresses are leased (100 %), 1 of them reclaimable, 0 orphans, 1 rest | cnictl release --network x 10.1.0.2",
    ],
  ],
  [
    10,
    { reclaimable: 0, orphans: 2 },
    [
      "error x: 10.1.0.2-10.1.0.11: 10 of 10 addresses are leased (100 %), 0 of them reclaimable, 2 orphans, 1 rest | see the orphans with `cnictl leases x`, and release each, or: cnictl release --network x 10.1.0.2",
    ],
  ],
  [
    10,
    { reclaimable: 0, orphans: 0 },
    [
      "error x: 10.1.0.2-10.1.0.11: 10 of 10 addresses are leased (100 %), 0 of them reclaimable, 0 orphans, 1 rest | delete containers, or add a range to the list",
    ],
  ],
])("a pool with %i of 10 addresses leased, %o", (leased, { reclaimable, orphans }, expected) => {
  const leases = Array.from({ length: leased }, (_, index) =>
    lease(`10.1.0.${index + 2}`, index < reclaimable ? "gone" : undefined),
  );
  const attachments = [attachment("living", { cached: cached("/run/netns/alive"), leases: leases.slice(orphans) })];
  const contains = (address: string) => address.startsWith("10.1.0.");
  const set: Pool = { index: 0, ranges: "10.1.0.2-10.1.0.11", subnets: ["10.1.0.0/24"], size: 10n, contains };
  const pools = { folder: "/l", releaseDelay: 60, sets: [set] };
  const resting = new Map([["10.1.0.20", 0]]);
  const other = lease("10.2.0.2");
  const folder = {
    network: "x",
    folder: "/l",
    releaseDelay: 60,
    pools,
    leases: [...leases, other],
    resting,
    strayRecords: [],
    unreadable: [],
  };
  expect(
    wrong(poolCheck.run(examinationOf([], { inventory: () => inventoryOf({ folders: [folder], attachments }) }))),
  ).toEqual(expected);
});
