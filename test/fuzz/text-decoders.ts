import fs from "node:fs";
import path from "node:path";
import { parseExclusion } from "../../plugins/host-local/exclusion.ts";
import { describeOwner, isLeaseName, isVoid, ownerOf, selectLeases } from "../../plugins/host-local/lease.ts";
import { formatRecord, parseRecord, recordName } from "../../plugins/host-local/lease-record.ts";
import { parseResolvConf } from "../../plugins/host-local/resolv-conf.ts";
import { parseEntryComment } from "../../plugins/portmap/iptables-chains.ts";
import { parseRedirects } from "../../plugins/portmap/iptables-redirects.ts";
import { readBackup } from "../../plugins/tuning/backup.ts";
import { parseCniArgs } from "../../src/cni/args.ts";
import { CniError, formatError } from "../../src/cni/error.ts";
import { decodeFailure } from "../../src/cni/exit.ts";
import { formatJson, parseJson } from "../../src/cni/json.ts";
import { parseDelegatedResult, parseResult } from "../../src/cni/result-json.ts";
import { agreeOnVersion, isSpecVersion, SPEC_VERSIONS } from "../../src/cni/version.ts";
import { findManifest, InstallError, MANIFEST } from "../../src/cnictl/installation.ts";
import { parseAddress } from "../../src/ip/address.ts";
import { parseMac } from "../../src/ip/mac.ts";
import { parsePrefix } from "../../src/ip/prefix.ts";
import { parseJump } from "../../src/netfilter/iptables/text.ts";
import { parseOwnerComment } from "../../src/netfilter/owner.ts";
import { findCached, listCached, readCachedResult } from "../../src/runtime/cache.ts";
import { parseNetwork } from "../../src/runtime/network.ts";
import { capturedResults } from "./captures.ts";
import { type Decoder, type Decoders, decoders } from "./decoder.ts";
import { confTexts } from "./networks.ts";

/** Those for what files and other programs say. `folder` is an empty one, for what reads files. */
export function textDecoders(folder: string): Decoders {
  return { ...jsonDecoders(), ...fileDecoders(folder), ...wordDecoders() };
}

const asSyntaxOrCniError = (error: unknown): boolean => error instanceof SyntaxError || isCniError(error);
const never = (): boolean => false;

function isCniError(error: unknown): boolean {
  return error instanceof CniError && error.code !== 999 && JSON.parse(formatError(error)).msg !== "";
}

function jsonDecoders(): Decoders {
  const results = capturedResults();
  const parse = (bytes: Uint8Array) => formatJson(parseJson(bytes));
  const parseResults = (bytes: Uint8Array) =>
    SPEC_VERSIONS.map((version) => parseDelegatedResult(parseJson(bytes), version));
  const parsePrevious = (bytes: Uint8Array) => SPEC_VERSIONS.map((version) => parseResult(parseJson(bytes), version));
  const exit = { status: 1, signal: undefined, stderr: new Uint8Array() };
  const failures = [encode('{"code":11,"msg":"a","details":"b"}'), encode('{"cniVersion":"0.4.0","code":1,"msg":""}')];
  return {
    parseJson: {
      decode: parse,
      samples: [...results, ...confTexts()],
      refuses: (error) => error instanceof SyntaxError,
    },
    parseNetwork: { decode: parseNetwork, samples: confTexts(), refuses: isCniError },
    ...decoders({ parseResults, parsePrevious }, { samples: results, refuses: asSyntaxOrCniError }),
    decodeFailure: { decode: (stdout) => decodeFailure({ ...exit, stdout }, "x"), samples: failures, refuses: never },
  };
}

/** Readers of files: the bytes are put where each looks for them. */
function fileDecoders(folder: string): Decoders {
  const inFile = (name: string, read: () => unknown) => (bytes: Uint8Array) => {
    const file = path.join(folder, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, bytes);
    return read();
  };
  const key = { directory: folder, network: "net1", attachment: { containerId: "c1", ifname: "eth0" } };
  const readCache = inFile("results/net1-c1-eth0", () => [
    findCached(key),
    listCached(folder, "net1"),
    readCachedResult(key),
  ]);
  const readManifest = inFile(MANIFEST, () => findManifest(folder));
  const readSettings = inFile("c1_eth0.json", () => readBackup(path.join(folder, "c1_eth0.json")));
  const entry = { kind: "cniCacheV1", containerId: "c1", config: "e30=", ifName: "eth0", networkName: "net1" };
  const result = { cniVersion: "1.0.0", ips: [{ address: "10.1.0.2/24", gateway: "10.1.0.1" }], dns: {} };
  const cached = encode(JSON.stringify({ ...entry, cniArgs: [["A", "b"]], capabilityArgs: { mac: "a" }, result }));
  const manifest = encode(JSON.stringify({ version: "1", images: ["00ff"], names: ["bridge", "portmap"] }));
  const settings = encode(
    JSON.stringify({ mac: "0a:58:0a:01:00:02", mtu: 1500, promisc: true, txQLen: 0, network: "net1" }),
  );
  return {
    readCachedResult: { decode: readCache, samples: [cached, ...capturedResults()], refuses: isCniError },
    findManifest: { decode: readManifest, samples: [manifest], refuses: (error) => error instanceof InstallError },
    readBackup: { decode: readSettings, samples: [settings], refuses: asSyntaxOrCniError },
  };
}

function wordDecoders(): Decoders {
  const subnet = parsePrefix("10.1.0.0/16");
  const owner = { containerId: "c1", ifname: "eth0" };
  const versions = ["0.4.0", "1.1.0", "", "1.2.3.4", "1.99"];
  const args = ["IgnoreUnknown=1;IP=10.1.0.2", "MAC=0a:58:0a:01:00:02", "A=b;C=d"];
  const asked = (text: string) => [isSpecVersion(text), agreeOnVersion("CHECK", text, SPEC_VERSIONS)];
  return {
    addresses: texts(
      (text) => [parseAddress(text), parsePrefix(text), parseMac(text), subnet && parseExclusion(text, subnet)],
      [...["10.1.0.0/16", "fd00::1", "::ffff:10.1.2.3", "0a:58:0a:01:00:02", "1:2:3:4:5:6:7:8/64", "10.1.2.3"]],
    ),
    agreeOnVersion: { ...texts(asked, versions), refuses: isCniError },
    parseCniArgs: { ...texts((text) => parseCniArgs(text, ["IP", "MAC"]), args), refuses: isCniError },
    parseRecord: texts(
      (text) => [parseRecord(text), parseRecord(text)?.addresses.map(isLeaseName)],
      [
        formatRecord({
          addresses: ["10.1.0.2", "fd00::2"],
          time: "1700000000000",
          boot: "0af3",
          netns: "4026531840",
          path: "/run/netns/a",
        }),
      ],
    ),
    leases: texts(
      (text) => {
        const lease = { name: "10.1.0.2", text };
        return [selectLeases([lease], owner), describeOwner(ownerOf(lease)), recordName(ownerOf(lease)), isVoid(lease)];
      },
      ["c1\r\neth0", "c1", "\0\0\0"],
    ),
    parseResolvConf: texts(parseResolvConf, ["# a\nnameserver 10.1.0.1\nsearch a b\noptions ndots:5\n;x\ndomain c\n"]),
    listings: texts(
      (text) => [
        parseRedirects(text),
        parseJump(text, "CNI-HOSTPORT-DNAT"),
        parseOwnerComment(text),
        parseEntryComment(text),
      ],
      LISTINGS,
    ),
  };
}

const LISTINGS = [
  `-A CNI-DN-0123456789abcdef01234 -d 10.1.2.3/32 -p tcp -m tcp --dport 8080 -m comment --comment "if: eth0" -j DNAT --to-destination 10.1.0.2:80`,
  `-A CNI-HOSTPORT-DNAT -p tcp -m comment --comment "dnat name: \\"net1\\" id: \\"c1\\"" -m multiport --dports 8080 -j CNI-DN-0123456789abcdef01234`,
  "0123456789abcdef-0123456789abcdef, net: net1, if: eth0, id: c1",
];

function texts(decode: (text: string) => unknown, samples: readonly string[]): Decoder {
  return { decode: (bytes) => decode(new TextDecoder().decode(bytes)), samples: samples.map(encode), refuses: never };
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
