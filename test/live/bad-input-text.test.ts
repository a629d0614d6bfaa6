import { afterAll, beforeAll, expect, test } from "vitest";
import { Lab } from "../lab.ts";
import { errorOf, tracesOf } from "./traces.ts";

let lab: Lab;
let netns: string;

beforeAll(() => {
  lab = new Lab();
  netns = lab.addNamespace("c1");
});

afterAll(() => lab.dispose());

/** A configuration in Latin-1, so that a test writes bytes; `ipam` has a place for a member. */
function input(members: string, ipam = ""): Uint8Array {
  const block = `{"type":"host-local","dataDir":${JSON.stringify(lab.dataDir)},"subnet":"10.1.2.0/24"${ipam}}`;
  return Buffer.from(`{"cniVersion":"1.1.0","name":"net1","type":"bridge","ipam":${block}${members}}`, "latin1");
}

const syntax = (reason: string) => ({ code: 6, msg: `error unmarshall network config: ${reason}` });
const cannot = (key: string, found: string, requirement: string) => ({
  code: 7,
  msg: `Cannot use ${key} ${found}: must be ${requirement}`,
});
const name = (details: string) => ({ code: 7, msg: "invalid characters found in network name", details });

const before = () => tracesOf(lab, [netns]);

/** The bytes, as Latin-1, and the error of both plugins, whichever image it is. */
test.each([
  ["a high surrogate alone", ',"name":"n\\ud800"', "", name("n\ud800")],
  ["a low surrogate alone", ',"name":"\\udc00n"', "", name("\udc00n")],
  ["a pair of surrogates", ',"name":"\\ud83d\\ude00"', "", name("😀")],
  ["a slash in two bytes", ',"name":"n\xc0\xaf"', "", name("n\ufffd\ufffd")],
  ["a surrogate in three bytes", ',"name":"n\xed\xa0\x80"', "", name("n\ufffd\ufffd\ufffd")],
  ["a character cut short", ',"name":"n\xf0\x9f\x98"', "", name("n\ufffd")],
  ["a null character", ',"name":"n\\u0000"', "", name("n\0")],
  [
    "a byte of no character in a literal",
    ',"x":tru\xff',
    "",
    syntax("invalid character '\ufffd' in literal true (expecting 'e')"),
  ],
  ["a control character in a text", ',"x":"a\x01"', "", syntax("invalid character '\\u0001' in string literal")],
  ["an escape cut short", ',"x":"\\ud80"', "", syntax("invalid character '\"' in \\u hexadecimal character escape")],
  [
    "a byte of no character for a key",
    ",\xff",
    "",
    syntax("invalid character '\ufffd' looking for beginning of object key string"),
  ],
  [
    "objects nested too deep",
    `,"x":${'{"a":'.repeat(10_001)}1${"}".repeat(10_001)}`,
    "",
    syntax("invalid character '{' exceeded max depth"),
  ],
  [
    "a byte of no character in a prefix",
    "",
    ',"subnet":"10.1.2.0/24\xff"',
    cannot("ipam.subnet", '"10.1.2.0/24\ufffd"', "an IP prefix such as 10.1.0.0/16"),
  ],
  [
    "a surrogate for an address",
    "",
    ',"rangeStart":"\\ud800"',
    cannot("ipam.rangeStart", '"\\ud800"', "an IP address"),
  ],
  [
    "a surrogate in three bytes for an address",
    "",
    ',"gateway":"\xed\xbf\xbf"',
    cannot("ipam.gateway", '"\ufffd\ufffd\ufffd"', "an IP address"),
  ],
  ["a null character in a path", "", ',"dataDir":"/tmp/\\u0000x"', cannot("ipam.dataDir", '"/tmp/\\u0000x"', "a path")],
])("%s is refused by bridge and by host-local, and nothing is left", (_, members, ipam, expected) => {
  const traces = before();
  for (const plugin of ["bridge", "host-local"]) {
    const outcome = lab.plugin(plugin, { command: "ADD", config: input(members, ipam), netns });
    expect(errorOf(outcome), plugin).toEqual(expected);
  }
  expect(before()).toEqual(traces);
});

test.each([
  ["1e400", "1e400"],
  ["9".repeat(400), "Infinity"],
  ["-0.0", "-0.0"],
  ['"\xff\\udfff"', '"\ufffd\\udfff"'],
])("an mtu is refused by bridge, and quoted: #%#", (written, quoted) => {
  const outcome = lab.plugin("bridge", { command: "ADD", config: input(`,"mtu":${written}`), netns });
  expect(errorOf(outcome)).toEqual(cannot("mtu", quoted, 'an integer of at least 0 or "auto"'));
});
