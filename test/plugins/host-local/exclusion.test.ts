import { describe, expect, test } from "vitest";
import { mergeRanges, parseExclusion } from "../../../plugins/host-local/exclusion.ts";
import { formatAddress } from "../../../src/ip/address.ts";
import { parsePrefix } from "../../../src/ip/prefix.ts";

const subnet = parsePrefix("10.1.2.0/24");

function parse(text: string) {
  const range = subnet && parseExclusion(text, subnet);
  return range === undefined ? [] : [range];
}

describe("mergeRanges()", () => {
  test.each([
    [[], []],
    [["10.1.2.0/30", "10.1.2.0/29"], ["10.1.2.0-10.1.2.7"]],
    [["10.1.2.0/29", "10.1.2.4/30"], ["10.1.2.0-10.1.2.7"]],
    [
      ["10.1.2.9", "10.1.2.0/30", "10.1.2.9"],
      ["10.1.2.0-10.1.2.3", "10.1.2.9-10.1.2.9"],
    ],
  ])("of %j is %j", (texts, merged) => {
    const found = mergeRanges(texts.flatMap(parse));
    expect(found.map(({ start, end }) => `${formatAddress(start)}-${formatAddress(end)}`)).toEqual(merged);
  });
});
