import { type Request, requirePrevResult } from "../../src/cni/request.ts";
import { findInterface, openContainer } from "../../src/steps/container.ts";
import { refuseDifferences } from "../../src/steps/differences.ts";
import type { Host } from "../../src/steps/host.ts";
import { aliasOf } from "./alias.ts";
import { parseNewNameConfig } from "./config.ts";

/** Compares the attachment with what ADD made. @throws CniError checkFailed that lists every difference */
export function check(request: Request, host: Host): void {
  const expected = aliasOf(parseNewNameConfig(request));
  requirePrevResult(request);
  const link = findInterface(openContainer(host, request.netns), request.ifname);
  const what = `Interface "${request.ifname}" in ${request.netns}`;
  const isExpected = link?.alias === expected;
  const found = link === undefined ? "is missing" : `has alias "${link.alias}", expected "${expected}"`;
  refuseDifferences(isExpected ? [] : [`${what} ${found}`]);
}
