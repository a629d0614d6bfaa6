import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Call, Lab, type Outcome } from "../lab.ts";
import { referenceDir } from "../parity/reference.ts";
import { pathFor, rulesAbout, type Variant } from "./masquerading.ts";

let lab: Lab;
let base: Readonly<Record<string, unknown>>;

beforeEach(() => {
  lab = new Lab();
  const ranges = [[{ subnet: "10.88.0.0/24" }], [{ subnet: "fd00:88::/64" }]];
  const ipam = { type: "host-local", dataDir: lab.dataDir, ranges };
  base = { cniVersion: "1.1.0", name: "net1", type: "bridge", bridge: "br0", isGateway: true, ipMasq: true, ipam };
});

afterEach(() => lab.dispose());

function run(command: string, config: unknown, more: Partial<Call> = {}): Outcome {
  return lab.plugin("bridge", { command, config, ...more });
}

function add(containerId: string, config: unknown = base, more: Partial<Call> = {}): void {
  const netns = more.netns ?? lab.addNamespace(`${containerId}${more.ifname ?? ""}`);
  expect(run("ADD", config, { containerId, netns, ...more })).toMatchObject({ status: 0, stderr: "" });
}

function collect(valid: unknown, config: unknown = base, more: Partial<Call> = {}): Outcome {
  return run("GC", { ...Object(config), "cni.dev/valid-attachments": valid }, { containerId: "", ifname: "", ...more });
}

/** The attachments that ports on the host say they are, with their bridge. */
function ports(): string[] {
  const links = lab.ip("link show type veth").map((link) => Object(link));
  return links.map(({ ifalias, master }) => `${master} ${/net: (.*)/.exec(ifalias)?.[1]}`).sort();
}

const port = (container: string, { network = "net1", ifname = "eth0", bridge = "br0" } = {}) =>
  `${bridge} ${network}, if: ${ifname}, id: ${container}`;

/** The containers that rules are there for. */
function masqueraded(): string[] {
  const ids = rulesAbout(lab, "id: ", 'id: "').flatMap((line) => /id: \\?"?(\w+)/g.exec(line)?.[1] ?? []);
  return [...new Set(ids)].sort();
}

const valid = (...containers: string[]) => containers.map((containerID) => ({ containerID, ifname: "eth0" }));

/** What the IPAM plugin says on standard error: a line for each lease that it removed, of these containers and no others. */
function leasesOf(...ids: readonly string[]) {
  const line = `Removed \\S+ of container (${ids.join("|")}), interface eth0: it is not attached\\n`;
  return expect.stringMatching(new RegExp(`^(${line}){${ids.length},}$`));
}

describe("bridge ADD", () => {
  it("says on the host's end of the veth whose it is", () => {
    add("c1");
    expect(ports()).toEqual([port("c1")]);
  });
});

describe("bridge GC", () => {
  it("removes interfaces and rules of attachments that are not valid, and keeps the others", () => {
    for (const id of ["c1", "c2", "c3"]) add(id);
    expect(collect(valid("c2"))).toMatchObject({ status: 0, stdout: "", stderr: leasesOf("c1", "c3") });
    expect(ports()).toEqual([port("c2")]);
    expect(masqueraded()).toEqual(["c2"]);
    expect(lab.leases("net1").filter((name) => /^(10|fd)/.test(name))).toEqual(["10.88.0.3", "fd00:88::3"]);
    expect(lab.ip("link show dev eth0", `/run/netns/${lab.id}-c2`)).toHaveLength(1);
  });

  it("tells a container's interfaces apart", () => {
    const netns = lab.addNamespace("c1");
    add("c1", base, { netns, ifname: "eth0" });
    add("c1", base, { netns, ifname: "eth1" });
    collect([{ containerID: "c1", ifname: "eth1" }]);
    expect(ports()).toEqual([port("c1", { ifname: "eth1" })]);
    expect(lab.ip("link show", netns).map((link) => Object(link).ifname)).toEqual(["lo", "eth1"]);
  });

  it.each([
    ["no list", undefined],
    ["null", null],
  ])("removes nothing with %s", (_, list) => {
    add("c1");
    expect(collect(list)).toMatchObject({ status: 0, stdout: "", stderr: "" });
    expect(ports()).toEqual([port("c1")]);
    expect(masqueraded()).toEqual(["c1"]);
  });

  it("removes everything of the network with an empty list, and nothing of another's on the same bridge, nor of nobody's", () => {
    add("c1");
    add("c2", { ...base, name: "net2" });
    lab.run(["ip", "link", "add", "mine0", "type", "veth", "peer", "name", "mine1"]);
    lab.run(["ip", "link", "set", "mine0", "master", "br0", "alias", "net: net1, if: eth0, id: c1"]);
    expect(collect([])).toMatchObject({ status: 0, stdout: "", stderr: leasesOf("c1") });
    expect(ports()).toEqual([port("c1"), port("c2", { network: "net2" }), "undefined undefined"]);
    expect(lab.ip("link show type veth").map((link) => Object(link).ifname)).toEqual(
      expect.arrayContaining(["mine0", "mine1"]),
    );
    expect(masqueraded()).toEqual(["c2"]);
  });

  it("finds what another bridge of the configuration has, from before it changed", () => {
    add("c1");
    collect([], { ...base, bridge: "br1", ipMasq: false });
    expect(ports()).toEqual([]);
    expect(masqueraded()).toEqual([]);
  });

  it.each(["nft", "legacy"] as const)(
    "removes chains of iptables, ours and the reference plugins' (%s)",
    (variant: Variant) => {
      const config = { ...base, ipMasqBackend: "iptables" };
      const more = { environment: { PATH: pathFor(lab, variant) } };
      for (const id of ["c1", "c2"]) add(id, config, more);
      for (const id of ["c3", "c4"]) add(id, config, { ...more, bin: referenceDir() });
      add("c5", { ...config, name: "net2" }, more);
      expect(collect(valid("c1", "c3"), config, more)).toMatchObject({
        status: 0,
        stdout: "",
        stderr: leasesOf("c2", "c4"),
      });
      const left = lab.run([`iptables-${variant}`, "-t", "nat", "-S"]);
      expect([...left.matchAll(/-A POSTROUTING .* id: \\"(\w+)/g)].map(([, id]) => id)).toEqual(["c1", "c3", "c5"]);
      expect(left.match(/-N CNI-/g)).toHaveLength(3);
    },
  );

  it("removes the reference plugins' nftables rules", () => {
    const config = { ...base, ipMasqBackend: "nftables" };
    for (const id of ["c1", "c2"]) add(id, config, { bin: referenceDir() });
    collect(valid("c2"), config);
    expect(masqueraded()).toEqual(["c2"]);
  });

  it("hands the call on to the IPAM plugin, with the list, whether or not there is one", () => {
    const { bin, calls } = recordingIpam();
    const config = { ...base, ipam: { type: "recorder" } };
    for (const list of [undefined, [], valid("c1")]) collect(list, config, { environment: { CNI_PATH: bin } });
    expect(calls().map(([command, input]) => [command, JSON.parse(input ?? "")["cni.dev/valid-attachments"]])).toEqual([
      ["GC", undefined],
      ["GC", []],
      ["GC", [{ containerID: "c1", ifname: "eth0" }]],
    ]);
  });

  it("goes on past what fails, and reports all of it", () => {
    add("c1");
    const { bin } = recordingIpam(`echo '{"code": 77, "msg": "no leases today"}'; exit 1`);
    const broken = path.join(lab.dir, "broken");
    fs.mkdirSync(broken);
    for (const name of ["iptables", "iptables-legacy"])
      fs.writeFileSync(path.join(broken, name), "#!/bin/sh\necho cannot >&2; exit 3\n", { mode: 0o755 });
    lab.run(["iptables-legacy", "-t", "nat", "-N", "CNI-aaaaaaaaaaaaaaaaaaaaaaaa"]);
    const comment = ["-m", "comment", "--comment", 'name: "net1" id: "c9"'];
    const jump = ["-s", "10.88.0.9", ...comment, "-j", "CNI-aaaaaaaaaaaaaaaaaaaaaaaa"];
    lab.run(["iptables-legacy", "-t", "nat", "-A", "POSTROUTING", ...jump]);
    const environment = { CNI_PATH: bin, PATH: `${broken}:${process.env["PATH"]}` };
    const outcome = collect([], { ...base, ipam: { type: "recorder" } }, { environment });
    expect(outcome.status).toBe(1);
    expect(JSON.parse(outcome.stdout)).toEqual({
      code: 107,
      msg: `Cannot delete iptables rules of network net1's stale attachments: ${broken}/iptables-legacy ended with status 3: cannot; no leases today`,
    });
    expect(ports()).toEqual([]);
  });
});

describe("bridge DEL", () => {
  it.each([
    ["without the namespace's path", ""],
    ["with a path that is gone", "/run/netns/gone"],
  ])("%s finds the interface of a container that still runs by its port", (_, netns) => {
    add("c1");
    add("c2");
    expect(run("DEL", { ...base, bridge: "br1" }, { containerId: "c1", netns })).toMatchObject({
      status: 0,
      stderr: "",
    });
    expect(ports()).toEqual([port("c2")]);
  });

  it("finds an interface that was renamed in the container", () => {
    const netns = lab.addNamespace("c1");
    add("c1", base, { netns });
    lab.run(["ip", "link", "set", "eth0", "down"], netns);
    lab.run(["ip", "link", "set", "eth0", "name", "net7"], netns);
    expect(run("DEL", base, { netns })).toMatchObject({ status: 0, stderr: "" });
    expect(ports()).toEqual([]);
  });

  it("with a configuration that names no usable IPAM plugin removes all else, and says so", () => {
    const netns = lab.addNamespace("c1");
    add("c1", base, { netns });
    const outcome = run("DEL", { ...base, ipam: { type: "nonesuch" } }, { netns });
    expect(JSON.parse(outcome.stdout)).toMatchObject({ code: 108 });
    expect(ports()).toEqual([]);
    expect(masqueraded()).toEqual([]);
  });
});

/** A folder with an IPAM plugin that writes down how it is called. */
function recordingIpam(then = "exit 0"): { bin: string; calls: () => string[][] } {
  const bin = path.join(lab.dir, "ipam");
  fs.mkdirSync(bin);
  const script = `#!/bin/sh\n{ echo "$CNI_COMMAND"; cat | tr -d '\\n'; echo; } >> ${bin}/calls\n${then}\n`;
  fs.writeFileSync(path.join(bin, "recorder"), script, { mode: 0o755 });
  return {
    bin,
    calls: () => {
      const lines = fs.readFileSync(path.join(bin, "calls"), "utf8").trimEnd().split("\n");
      return lines.flatMap((line, index) => (index % 2 === 0 ? [[line, lines[index + 1] ?? ""]] : []));
    },
  };
}
