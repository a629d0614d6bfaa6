import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { deleteCached, findCached, listCached, readCachedResult, writeCached } from "../../src/runtime/cache.ts";
import { parseNetwork } from "../../src/runtime/network.ts";
import type { RuntimeConf } from "../../src/runtime/runtime-conf.ts";
import { parseStated } from "../../src/runtime/stated-result.ts";
import { makeWorld, type World } from "./world.ts";

/** Captured: what cnitool 1.3.0 wrote for NETWORK, CNI_ARGS="A=b;C=d" and CAP_ARGS={"zz":{},"portMappings":[{"hostPort":80}]}. */
const CAPTURED = [
  '{"kind":"cniCacheV1","containerId":"cnitool-f4b4c99bf007799f5c9a","config":"eyJjbmlWZXJzaW9uIjoiMS4wLjAiLCJuYW1lIjoieCIsInBsdWdpbnMi',
  "Olt7InR5cGUiOiJlY2hvIiwibiI6MS41MCwiYSI6IjwmPiIsImNhcGFiaWxpdGllcyI6eyJwb3J0TWFwcGluZ3MiOnRydWUsIm9mZiI6ZmFsc2V9LCJydW50aW1lQ29uZmln",
  'Ijp7Im9sZCI6MX19XX0K","ifName":"eth0","networkName":"x","netns":"/tmp/cnictl-try/ns/1","cniArgs":[["A","b"],["C","d"]],',
  '"capabilityArgs":{"portMappings":[{"hostPort":80}],"zz":{}},"result":{"cniVersion":"1.0.0","interfaces":[{"name":"e"}],',
  '"ips":[{"address":"10.1.1.2/24"}]}}',
].join("");

const NETWORK = `{"cniVersion":"1.0.0","name":"x","plugins":[{"type":"echo","n":1.50,"a":"<&>","capabilities":{"portMappings":true,"off":false},"runtimeConfig":{"old":1}}]}\n`;

const FILE = "cache/results/x-cnitool-f4b4c99bf007799f5c9a-eth0";

const attachment: RuntimeConf = {
  containerId: "cnitool-f4b4c99bf007799f5c9a",
  netns: "/tmp/cnictl-try/ns/1",
  ifname: "eth0",
  args: [
    ["A", "b"],
    ["C", "d"],
  ],
  capabilityArgs: { zz: {}, portMappings: [{ hostPort: 80 }] },
};
const network = parseNetwork(Buffer.from(NETWORK));
const result = parseStated({ interfaces: [{ name: "e" }], ips: [{ address: "10.1.1.2/24" }], dns: {} }, "1.0.0");

let world: World;
let key: { directory: string; network: string; attachment: RuntimeConf };

beforeEach(() => {
  world = makeWorld();
  key = { directory: world.runtime.cacheDirectory, network: "x", attachment };
});
afterEach(() => world.dispose());

function mode(file: string): number {
  return fs.statSync(path.join(world.directory, file)).mode & 0o777;
}

test("writeCached() writes what cnitool writes, readable to root alone, and nothing else", () => {
  writeCached(key.directory, { network, attachment, result });
  expect(world.read(FILE)).toBe(CAPTURED);
  expect([mode("cache/results"), mode(FILE)]).toEqual([0o700, 0o600]);
  expect([world.files("cache"), world.files("cache/results")]).toEqual([["results"], [path.basename(FILE)]]);
});

test("writeCached() leaves out what is empty", () => {
  const bare = { ...attachment, netns: "", args: [], capabilityArgs: {} };
  writeCached(key.directory, { network, attachment: bare, result });
  const written: unknown = JSON.parse(world.read(FILE));
  expect(Object.keys(written ?? {})).toEqual(["kind", "containerId", "config", "ifName", "networkName", "result"]);
});

test("writeCached() replaces an older file as a whole", () => {
  world.write(FILE, "older and longer".repeat(1000));
  writeCached(key.directory, { network, attachment, result });
  expect(world.read(FILE)).toBe(CAPTURED);
});

test("readCachedResult() reads what cnitool wrote", () => {
  world.write(FILE, CAPTURED);
  expect(readCachedResult(key)).toEqual(result);
});

test("readCachedResult() reads a file of before cniCacheV1, which is the result", () => {
  world.write(FILE, { cniVersion: "0.4.0", ips: [{ version: "4", address: "10.1.1.2/24" }] });
  expect(readCachedResult(key)).toMatchObject({ version: "0.4.0", result: { ips: [{ address: { length: 24 } }] } });
});

test("readCachedResult() knows nothing where there is no file", () => {
  expect(readCachedResult(key)).toBeUndefined();
});

test.each([
  ["", 6, "it is not JSON: unexpected end of JSON input"],
  [CAPTURED.slice(0, 200), 6, "it is not JSON: unexpected end of JSON input"],
  ["[]", 6, "a result must be an object, found array"],
  ['{"kind":"cniCacheV1","result":{"cniVersion":"9.9.9"}}', 1, 'unsupported CNI result version "9.9.9"'],
])("readCachedResult() refuses a file that holds %s", (text, code, message) => {
  world.write(FILE, text);
  expect(() => readCachedResult(key)).toThrow(expect.objectContaining({ code, message }));
});

test("findCached() returns the attachment as ADD was told of it", () => {
  world.write(FILE, CAPTURED);
  expect(findCached(key)?.attachment).toEqual(attachment);
});

test("findCached() takes the namespace of the result's interface for an entry without one, as podman 4.3.1 writes it", () => {
  const captured = fs.readFileSync(path.join(import.meta.dirname, "../captures/cache/podman.json"), "utf8");
  const containerId = "f7e970fb7d445f1ef5741c6e911c3c211efc342ed2192297f0d3814e396fee99";
  world.write(`cache/results/podman-${containerId}-eth0`, captured);
  const found = findCached({ ...key, network: "podman", attachment: { containerId, ifname: "eth0" } });
  expect(found?.attachment.netns).toBe("/run/netns/netns-7a77a7a5-d841-b93f-0e20-697953011f40");
});

test.each([
  ["interfaces that are on the host, or others", [{ name: "eth0" }, { name: "eth1", sandbox: "/run/netns/1" }], ""],
  ["a sandbox that is no path", [{ name: "eth0", sandbox: "blue" }], ""],
  ["malformed interfaces", [null, "eth0", { name: 1 }, { name: "eth0", sandbox: 2 }], ""],
  ["no list", { name: "eth0", sandbox: "/run/netns/1" }, ""],
  ["several", [{ name: "eth0" }, { name: "eth0", sandbox: "/run/netns/1" }], "/run/netns/1"],
])("findCached() looks for the namespace in a result with %s", (_, interfaces, netns) => {
  const entry = { kind: "cniCacheV1", containerId: attachment.containerId, ifName: "eth0", networkName: "x" };
  world.write(FILE, { ...entry, result: { cniVersion: "1.0.0", interfaces } });
  expect(findCached(key)?.attachment.netns).toBe(netns);
});

test("findCached() prefers the namespace of the entry to that of the result", () => {
  const interfaces = [{ name: "eth0", sandbox: "/run/netns/2" }];
  world.write(FILE, { ...JSON.parse(CAPTURED), result: { cniVersion: "1.0.0", interfaces } });
  expect(findCached(key)?.attachment.netns).toBe(attachment.netns);
});

test("findCached() reads nothing outside the cache", () => {
  world.write("cache/secret-eth0", CAPTURED);
  fs.mkdirSync(path.join(world.directory, "cache/results/x-"), { recursive: true });
  expect(findCached({ ...key, attachment: { containerId: "/../../secret", ifname: "eth0" } })).toBeUndefined();
});

test("listCached() names the attachments of the network in file order, and the files that may be of more", () => {
  const entry = { kind: "cniCacheV1", ifName: "eth0", networkName: "x" };
  world.write("cache/results/x-c2-eth0", { ...entry, containerId: "c2", netns: "/run/netns/2" });
  world.write("cache/results/x-c1-eth0", { ...entry, containerId: "c1" });
  world.write("cache/results/x-torn-eth0", '{"kind":"cniCa');
  world.write("cache/results/x-old-eth0", { cniVersion: "0.4.0" });
  world.write("cache/results/x-other-eth0", { ...entry, containerId: "c3", networkName: "y" });
  world.write("cache/results/x-hostile-eth0", { ...entry, containerId: "../../c4" });
  world.write("cache/results/folder/x", "");
  world.write("cache/results/y-torn-eth0", "");
  const { attachments, unreadable } = listCached(key.directory, "x");
  expect(attachments.map(({ containerId, netns }) => [containerId, netns])).toEqual([
    ["c1", ""],
    ["c2", "/run/netns/2"],
  ]);
  expect(unreadable.map((file) => path.basename(file))).toEqual(["x-hostile-eth0", "x-old-eth0", "x-torn-eth0"]);
});

test("listCached() names the folder where there is no cache", () => {
  expect(listCached(key.directory, "x")).toEqual({ attachments: [], unreadable: [`${key.directory}/results`] });
});

test("listCached() says so when the cache cannot be listed", () => {
  world.write("cache/results", "a file");
  const message = expect.stringMatching(/^Cannot list the result cache: ENOTDIR: not a directory/);
  expect(() => listCached(key.directory, "x")).toThrow(expect.objectContaining({ code: 5, message }));
});

test("deleteCached() removes the file and what an interrupted write left of it; twice is once", () => {
  world.write(FILE, CAPTURED);
  world.write(`cache/.${path.basename(FILE)}`, CAPTURED.slice(0, 100));
  deleteCached(key);
  deleteCached(key);
  expect([world.files("cache"), world.files("cache/results")]).toEqual([["results"], []]);
});

test.each([240, 246, 5000])(
  "an attachment of an id of %i letters has its own file, whatever the longest name is",
  (length) => {
    const ids = ["a".repeat(length), `${"a".repeat(length - 1)}b`];
    for (const containerId of ids)
      writeCached(key.directory, { network, attachment: { ...attachment, containerId }, result });
    expect(
      listCached(key.directory, "x")
        .attachments.map(({ containerId }) => containerId)
        .sort(),
    ).toEqual(ids);
    for (const containerId of ids) {
      const own = { ...key, attachment: { ...attachment, containerId } };
      expect(readCachedResult(own)).toBeDefined();
      deleteCached(own);
      expect(readCachedResult(own)).toBeUndefined();
    }
    expect(listCached(key.directory, "x")).toEqual({ attachments: [], unreadable: [] });
  },
);
