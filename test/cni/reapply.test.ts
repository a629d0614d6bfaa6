import { expect, test } from "vitest";
import type { Plugin } from "../../src/cni/plugin.ts";
import { reapplyPlugin, withdrawPlugin } from "../../src/cni/reapply.ts";
import type { Request } from "../../src/cni/request.ts";

const PLAIN: Plugin = {
  name: "bridge",
  add: () => ({ interfaces: [], ips: [], routes: [], dns: {} }),
  check: () => {},
  del: () => {},
};

function callOf(cniVersion: string) {
  const stdin = Buffer.from(JSON.stringify({ cniVersion, name: "net1" }));
  return { environment: { CNI_CONTAINERID: "c1", CNI_IFNAME: "eth0" }, stdin, log: () => {} };
}

const withHost = <T>(act: (host: unknown) => T): T => act("the host");

test.each(["0.3.1", "1.1.0"])("a plugin rebuilds as in a CHECK and deletes as in a DEL, in version %s", (version) => {
  const seen: unknown[] = [];
  const note = ({ command, network, containerId, ifname, version }: Request, host: unknown) => {
    seen.push({ command, network, containerId, ifname, version, host });
    return { rebuilt: ["masquerade"], failed: [] };
  };
  const plugin: Plugin = { ...PLAIN, reapply: note, withdraw: note };
  expect(reapplyPlugin(plugin, callOf(version), withHost)).toEqual({ rebuilt: ["masquerade"], failed: [] });
  withdrawPlugin(plugin, callOf(version), withHost);
  const given = { network: "net1", containerId: "c1", ifname: "eth0", version, host: "the host" };
  expect(seen).toEqual([
    { command: "CHECK", ...given },
    { command: "DEL", ...given },
  ]);
});

test("a plugin that makes nothing that others take is not asked", () => {
  expect(reapplyPlugin(PLAIN, callOf("1.1.0"), withHost)).toBeUndefined();
  expect(() => withdrawPlugin(PLAIN, callOf("1.1.0"), withHost)).not.toThrow();
});

test("a version that the plugin does not support is refused", () => {
  const plugin: Plugin = { ...PLAIN, versions: ["1.0.0"], reapply: () => ({ rebuilt: [], failed: [] }) };
  expect(() => reapplyPlugin(plugin, callOf("1.1.0"), withHost)).toThrow(expect.objectContaining({ code: 1 }));
});
