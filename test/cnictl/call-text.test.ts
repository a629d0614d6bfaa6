import { expect, test } from "vitest";
import { formatCall } from "../../src/cnictl/call-text.ts";

test.each([
  [{ dir: "/opt/cni/bin" }, "`cnictl install`"],
  [{ dir: "/run/other" }, "`cnictl install --dir /run/other`"],
  [{ force: true, rollback: false, only: undefined }, "`cnictl install --force`"],
  [{ only: "bridge,host-local" }, "`cnictl install --only bridge,host-local`"],
  [{ dir: "/a b" }, "`cnictl install --dir '/a b'`"],
  [{ dir: "/$(id)'s" }, "`cnictl install --dir '/$(id)'\\''s'`"],
  [{ dir: "" }, "`cnictl install --dir ''`"],
])("formatCall(%j)", (options, text) => {
  expect(formatCall("install", options)).toBe(text);
});
