import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { referenceDir } from "../../parity/reference.ts";
import { flannelPlugin } from "./flannel.ts";
import { OpenLog } from "./open-log.ts";
import { PLUGIN_DIR, Sandbox } from "./sandbox.ts";
import { nothing, traces } from "./traces.ts";
import { serve, who } from "./who.ts";

/** What the flannel daemon writes on a node with both families. */
const SUBNET_ENV = `FLANNEL_NETWORK=10.42.0.0/16
FLANNEL_SUBNET=10.42.1.1/24
FLANNEL_IPV6_NETWORK=fd42::/56
FLANNEL_IPV6_SUBNET=fd42:0:0:1::1/64
FLANNEL_MTU=1450
`;

const flannel = { hairpinMode: true, isDefaultGateway: true };
const portmap = { type: "portmap", capabilities: { portMappings: true } };
const bandwidth = { type: "bandwidth", capabilities: { bandwidth: true } };

/** Where it keeps what it told the bridge plugin. */
const SAVED = "/var/lib/cni/flannel";

const outside = { netns: "outside" };

describe.each([
  {
    name: "k3s",
    list: {
      cniVersion: "1.0.0",
      plugins: [{ type: "flannel", delegate: { ...flannel, forceAddress: true } }, portmap, bandwidth],
    },
    // flannel's daemon does it.
    ipMasq: false,
    links: 3,
  },
  {
    name: "kube-flannel",
    list: { cniVersion: "0.3.1", plugins: [{ type: "flannel", delegate: flannel }, portmap] },
    ipMasq: true,
    links: 2,
  },
])("flannel's plugin with the list of $name", ({ list, ipMasq, links }) => {
  let node: Sandbox;
  let opened: OpenLog;
  let cnitoolFile: string;

  beforeAll(async () => {
    cnitoolFile = path.join(referenceDir(), "cnitool");
    const plugin = flannelPlugin();
    node = await Sandbox.start((sandbox) => {
      sandbox.run(["cp", plugin, path.join(PLUGIN_DIR, "flannel")]);
      sandbox.write("/etc/cni/net.d/10-flannel.conflist", JSON.stringify({ name: "cbr0", ...list }));
      sandbox.write("/run/flannel/subnet.env", `${SUBNET_ENV}FLANNEL_IPMASQ=${!ipMasq}\n`);
      sandbox.run(["ip", "route", "add", "10.42.0.0/16", "via", "192.0.2.1"], outside);
      for (const name of ["a", "b"]) sandbox.run(["ip", "netns", "add", name]);
      return sandbox;
    });
    opened = await OpenLog.start(node);
  }, 300_000);
  afterAll(() => node?.dispose());

  test("ADD connects pods with flannel's MTU, routes and masquerading, and forwards a port", () => {
    const [a, b] = ["a", "b"].map((name) => JSON.parse(cnitool("add", name)));
    expect(a).toMatchObject({ ips: [{ address: "10.42.1.2/24" }, { address: "fd42:0:0:1::2/64" }] });
    expect(b).toMatchObject({ ips: [{ address: "10.42.1.3/24" }, { address: "fd42:0:0:1::3/64" }] });
    const pod = { netns: "a" };
    expect(node.run(["ip", "-oneline", "link", "show", "eth0"], pod)).toContain(" mtu 1450 ");
    expect(node.run(["ip", "route"], pod)).toContain("10.42.0.0/16 via 10.42.1.1 dev eth0");
    serve(node, node.dir, pod);
    expect(who(node, "10.42.1.2", { netns: "b" })).toMatchObject({ client: "10.42.1.3" });
    expect(who(node, "[fd42:0:0:1::2]", { netns: "b" })).toMatchObject({ client: "fd42:0:0:1::3" });
    expect(who(node, "192.0.2.2", pod)).toMatchObject({ client: ipMasq ? "192.0.2.1" : "10.42.1.2" });
    expect(who(node, "192.0.2.1:8080", outside)).toMatchObject({ client: "192.0.2.2" });
  });

  test("runs our plugins, and no others", async () => {
    await expect
      .poll(() => opened.names(), { timeout: 20_000 })
      .toEqual(["bridge", ...list.plugins.map(({ type }) => type)].sort());
  });

  test("DEL by the configuration that it saved, which has no prevResult, leaves nothing, and so does a second one", () => {
    const saved = node.files(SAVED).map((name) => node.run(["cat", path.join(SAVED, name)]));
    const delegate = { type: "bridge", isGateway: true, isDefaultGateway: true, hairpinMode: true, ipMasq, mtu: 1450 };
    expect(saved.map((text) => JSON.parse(text))).toMatchObject([delegate, delegate]);
    expect(saved.join("")).not.toContain("prevResult");
    expect(left()).toMatchObject({ links: { length: links }, leases: { length: 4 } });
    // The namespace of one is gone by then, as after a crash.
    node.run(["ip", "netns", "del", "b"]);
    for (const name of ["a", "b", "a", "b"]) cnitool("del", name);
    node.run(["ip", "netns", "del", "a"]);
    expect(left()).toEqual(nothing);
    expect(node.files(SAVED)).toEqual([]);
  });

  /** cnitool on a namespace; the port and the rates are the first pod's alone. */
  function cnitool(command: string, netns: string): string {
    const portMappings = [{ hostPort: 8080, containerPort: 80, protocol: "tcp" }];
    const rates = { ingressRate: 100e6, ingressBurst: 1e6, egressRate: 100e6, egressBurst: 1e6 };
    const capabilities = netns === "a" ? { portMappings, bandwidth: rates } : {};
    const variables = { NETCONFPATH: "/etc/cni/net.d", CNI_PATH: PLUGIN_DIR, CAP_ARGS: JSON.stringify(capabilities) };
    return node.run([cnitoolFile, command, "cbr0", `/run/netns/${netns}`], { environment: variables });
  }

  function left() {
    return traces(node, { network: "cbr0", addresses: /\b10\.42\.|\bfd42:/ });
  }
});
