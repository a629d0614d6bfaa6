import { expect, it } from "vitest";
import { findOption, OPTION } from "../../../src/dhcp/v6/options.ts";
import { findNameServers, findSearchDomains } from "../../../src/dhcp/v6/values.ts";
import { formatAddress } from "../../../src/ip/address.ts";
import { message6 } from "./captured.ts";

const said = (code: number) => findOption(message6("reply").options, code) ?? new Uint8Array();

it("findNameServers() has dnsmasq's, none of a wrong size, and never ::", () => {
  const value = said(OPTION.NAME_SERVERS);
  const names = (bytes: Uint8Array) => findNameServers(new Map([[OPTION.NAME_SERVERS, bytes]])).map(formatAddress);
  expect(names(value)).toEqual(["fd00::1", "fd00::2"]);
  expect(names(value.subarray(1))).toEqual([]);
  expect(names(new Uint8Array(16))).toEqual([]);
  expect(findNameServers(new Map())).toEqual([]);
});

it("findSearchDomains() has dnsmasq's, and none of a list that is cut", () => {
  const value = said(OPTION.DOMAIN_SEARCH);
  const domains = (bytes: Uint8Array) => findSearchDomains(new Map([[OPTION.DOMAIN_SEARCH, bytes]]));
  expect(domains(value)).toEqual(["a.example.org", "b.example.org"]);
  expect(domains(value.subarray(0, value.length - 2))).toEqual([]);
  expect(findSearchDomains(new Map())).toEqual([]);
});
