import fs from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { decodeError, encodeRelease } from "../../../plugins/dhcp/gob.ts";
import { createRequest } from "../../../src/cni/request.ts";

const file = path.join(import.meta.dirname, "../../captures/dhcp/release-call.hex");
const lines = fs.readFileSync(file, "utf8").split("\n");
const [, , request = "", answer = ""] = lines.filter((line) => /^[0-9a-f]+$/.test(line));

const bytesOf = (hex: string) => new Uint8Array(Buffer.from(hex, "hex"));

it("encodeRelease() writes what the reference's client sends", () => {
  const stdin =
    '{"cniVersion":"1.1.0","name":"n1","type":"macvlan","ipam":{"type":"dhcp","daemonSocketPath":"/tmp/d/cap/s.sock","request":[{"skipDefault":true,"option":"121"},{"option":"1"}]}}\n';
  const release = createRequest("DEL", {
    network: { name: "n1", json: {} },
    version: "1.1.0",
    stdin: new TextEncoder().encode(stdin),
    environment: { CNI_CONTAINERID: "c1", CNI_NETNS: "/run/netns/dcap-c", CNI_IFNAME: "eth0", CNI_PATH: "/x" },
    log: () => {},
  });
  expect(Buffer.from(encodeRelease(release)).toString("hex")).toBe(request);
});

it("decodeError() finds no error in what the reference's daemon answers, and nothing before the answer is whole", () => {
  const bytes = bytesOf(answer);
  expect(decodeError(bytes)).toEqual({ error: "" });
  for (let length = 0; length < 76; length++) expect(decodeError(bytes.subarray(0, length))).toBeUndefined();
});

it("decodeError() finds an error", () => {
  // Response{ServiceMethod: "a", Seq: 5, Error: "no"}
  expect(decodeError(bytesOf("0c ff80 01 01 61 01 05 01 02 6e6f 00".replaceAll(" ", "")))).toEqual({ error: "no" });
});

it.each(["03ff8001", "05ff80090141", "0aff8001f8ffffffffffff", "04ff800105"])("decodeError() refuses %s", (hex) => {
  expect(() => decodeError(bytesOf(`${hex}000000000000`))).toThrow("Cannot decode the answer of a DHCP daemon");
});
