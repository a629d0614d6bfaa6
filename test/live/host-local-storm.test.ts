import fs from "node:fs";
import { afterEach, expect, test } from "vitest";
import { addressesOf, filesOf, hostLocal, networkOf, removeFolders } from "./host-local.ts";

afterEach(removeFolders);

const ids = (count: number, from = 0) => Array.from({ length: count }, (_, index) => `c${from + index}`);

test("host-local: 200 ADDs at once get 200 addresses, 53 more fill the range, and as many DELs empty it", async () => {
  const network = networkOf([["10.1.2.0/24"]]);
  const first = await Promise.all(ids(200).map((containerId) => hostLocal("ADD", network, { containerId })));
  const given = first.flatMap(addressesOf);
  expect(new Set(given).size).toBe(200);

  const second = await Promise.all(ids(53, 200).map((containerId) => hostLocal("ADD", network, { containerId })));
  given.push(...second.flatMap(addressesOf));
  const all = Array.from({ length: 253 }, (_, index) => `10.1.2.${index + 2}`);
  expect([...given].sort()).toEqual([...all].sort());
  for (const [index, address] of given.entries()) expect(filesOf(network)[address]).toBe(`c${index}\r\neth0`);

  const refused = await hostLocal("ADD", network, { containerId: "one-too-many" });
  expect(refused.status).toBe(1);
  expect(JSON.parse(refused.stdout)).toEqual({
    code: 100,
    msg: "failed to allocate for range 0: no IP addresses available in range set: 10.1.2.1-10.1.2.254",
    details: "253 leased, 0 of them reclaimable, 0 resting, 0 excluded",
  });

  const deleted = await Promise.all(ids(253).map((containerId) => hostLocal("DEL", network, { containerId })));
  expect(deleted.filter(({ status, stdout }) => status !== 0 || stdout !== "")).toEqual([]);
  expect(Object.keys(filesOf(network))).toEqual(["last_reserved_ip.0"]);
});

test("host-local: 100 ADDs at once with DELs among them never give one address to two", async () => {
  const network = networkOf([["10.1.2.0/25"], ["2001:db8::/64"]]);
  const kept = await Promise.all(
    ids(100).map(async (containerId, index) => {
      const added = await hostLocal("ADD", network, { containerId });
      if (index % 2 === 0) return { containerId, addresses: addressesOf(added) };
      addressesOf(added);
      expect((await hostLocal("DEL", network, { containerId })).status).toBe(0);
      return { containerId, addresses: [] };
    }),
  );
  const expected = kept.flatMap(({ containerId, addresses }) => addresses.map((ip) => [ip, `${containerId}\r\neth0`]));
  const { "last_reserved_ip.0": _v4, "last_reserved_ip.1": _v6, ...leases } = filesOf(network);
  expect(leases).toEqual(Object.fromEntries(expected));
  expect(Object.keys(leases)).toHaveLength(100);
});

test("host-local: ADDs and DELs at once on a folder of 400 older leases leave no record of their own", async () => {
  const network = networkOf([["10.1.0.0/16"]]);
  fs.mkdirSync(network.folder);
  for (let index = 0; index < 400; index++)
    fs.writeFileSync(`${network.folder}/10.1.${4 + (index >> 8)}.${index & 255}`, `old${index}\r\neth0`);
  const work = async (worker: number) => {
    for (const containerId of ids(10, 10 * worker)) {
      expect((await hostLocal("ADD", network, { containerId })).status).toBe(0);
      expect((await hostLocal("DEL", network, { containerId })).status).toBe(0);
    }
  };
  await Promise.all(Array.from({ length: 16 }, (_, worker) => work(worker)));
  const left = fs.readdirSync(`${network.folder}/.state/attachments`);
  expect(left.filter((name) => !name.startsWith("old"))).toEqual([]);
  expect(left).toHaveLength(400);
});
