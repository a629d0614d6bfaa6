import fs from "node:fs";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { confDir } from "../../caller.ts";
import { OpenLog } from "../runtimes/open-log.ts";
import { PLUGIN_DIR } from "../runtimes/sandbox.ts";
import { nothing, traces } from "../runtimes/traces.ts";
import { who } from "../runtimes/who.ts";
import { Crio } from "./crio.ts";

/** The dual-stack list that is shipped for CRI-O, in the version that has it call GC. */
const list = {
  ...JSON.parse(fs.readFileSync(path.join(confDir, "cri-o/10-crio-bridge.conflist"), "utf8")),
  cniVersion: "1.1.0",
};
const PODS = 20;

let crio: Crio;
let opened: OpenLog;

beforeAll(async () => {
  crio = await Crio.start(list);
  opened = await OpenLog.start(crio.node);
}, 3_600_000);
afterEach(() => removeAll());
afterAll(() => crio?.dispose());

describe("CRI-O 1.34", () => {
  test("connects pods with each other by IPv4 and IPv6, and with the outside, by our plugins and no others", async () => {
    expect(crio.version()).toMatch(/^1\.34\./);
    const [a, b] = [await serve("a"), await serve("b")];
    const [a4 = "", a6 = ""] = a.addresses;
    const [b4 = "", b6 = ""] = b.addresses;
    expect(await crio.cri.who(b.container, a4)).toEqual({ name: "a", client: b4 });
    expect(await crio.cri.who(b.container, `[${a6}]`)).toEqual({ name: "a", client: b6 });
    expect(await crio.cri.who(a.container, "192.0.2.2")).toMatchObject({ client: "192.0.2.1" });
    expect(await crio.cri.who(a.container, "[2001:db8::2]")).toMatchObject({ client: "2001:db8::1" });
    expect(who(crio.node, a4)).toMatchObject({ name: "a" });
    // It sets up the loopback interface itself.
    await expect.poll(() => opened.names(), { timeout: 20_000 }).toEqual(["bandwidth", "bridge"]);
    expect(crio.node.files("/usr/lib/cni")).toEqual([]);
  });

  test(`makes ${PODS} pods at once, each with addresses of its own, and leaves nothing of them`, async () => {
    const ids = await Promise.all(Array.from({ length: PODS }, (_, i) => crio.cri.runPod(crio.pod(`pod${i}`))));
    const addresses = (await Promise.all(ids.map((id) => crio.cri.addresses(id)))).flat();
    expect(new Set(addresses).size).toBe(2 * PODS);
    await removeAll();
    expect(left()).toEqual(nothing);
  });

  test("killed and started again, it keeps the networks of its pods, and removes them with the pods", async () => {
    const a = await serve("a");
    crio.kill();
    await crio.restart();
    expect(who(crio.node, a.addresses[0] ?? "")).toMatchObject({ name: "a" });
    await removeAll();
    expect(left()).toEqual(nothing);
  });

  test("at its start it runs GC, which removes an attachment and a lease that no pod has, and keeps the pods'", async () => {
    const a = await serve("a");
    const before = left();
    crio.kill();
    for (const name of ["cached", "forgotten"]) attach(name);
    // Of the one, only the lease is left.
    crio.node.run(["bash", "-c", "grep -l forgotten /var/lib/cni/results/* | xargs rm"]);
    for (const name of ["cached", "forgotten"]) crio.node.run(["ip", "netns", "del", name]);
    expect(left().leases).toHaveLength(before.leases.length + 4);
    await crio.restart();
    expect(left()).toEqual(before);
    expect(who(crio.node, a.addresses[0] ?? "")).toMatchObject({ name: "a" });
  });
});

/** Attaches a namespace to CRI-O's network, as a container that it does not know. */
function attach(name: string): void {
  crio.node.run(["ip", "netns", "add", name]);
  const variables = { CNI_PATH: PLUGIN_DIR, CNI_CONTAINERID: name };
  crio.node.run([path.join(PLUGIN_DIR, "cnictl"), "add", list.name, `/run/netns/${name}`], { environment: variables });
}

function serve(name: string) {
  return crio.cri.serve(crio.pod(name));
}

async function removeAll(): Promise<void> {
  for (const id of await crio.cri.pods()) {
    await crio.cri.stopPod(id);
    await crio.cri.stopPod(id);
    await crio.cri.removePod(id);
  }
}

function left() {
  return traces(crio.node, { network: list.name, addresses: /\b10\.85\.|\bfd00:10:85:/ });
}
