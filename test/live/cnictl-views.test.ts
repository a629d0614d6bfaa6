import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Caller, confDir, jsonOf, type Variables } from "../caller.ts";
import { binDir } from "../lab.ts";
import { referenceDir } from "../parity/reference.ts";
import { pathFor } from "./masquerading.ts";

let caller: Caller;
let lists: string;

beforeEach(() => {
  caller = new Caller();
  lists = path.join(caller.lab.dir, "net.d");
  fs.mkdirSync(lists);
  write("10-net.conflist", {
    cniVersion: "1.1.0",
    name: "net",
    plugins: [
      {
        type: "bridge",
        bridge: "br-net",
        isGateway: true,
        ipMasq: true,
        ipMasqBackend: "nftables",
        ipam: { type: "host-local", subnet: "10.77.0.0/24" },
      },
      { type: "portmap", backend: "nftables", capabilities: { portMappings: true } },
    ],
  });
});
afterEach(() => caller.dispose());

function write(file: string, content: unknown): void {
  fs.writeFileSync(path.join(lists, file), typeof content === "string" ? content : JSON.stringify(content));
}

function cnictl(args: readonly string[], variables: Variables = {}) {
  return caller.cnictl(args, { NETCONFPATH: lists, ...variables });
}

const PORTS = { CAP_ARGS: '{"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"tcp"}]}' };

/** Attaches a new namespace; returns its path. */
function attach(name: string, variables: Variables = {}): string {
  const netns = caller.lab.addNamespace(name);
  jsonOf(cnictl(["add", "net", netns, "--container-id", name], variables));
  return netns;
}

/** What `ps --json` shows of a container. */
function seen(containerId: string): unknown {
  const all = jsonOf(cnictl(["ps", "--json"]));
  return Array.isArray(all) ? all.filter((each) => each.containerId === containerId) : all;
}

function reference(): Variables {
  return { CNI_PATH: referenceDir() };
}

/** A namespace of another test may get the number of one that is gone: then it counts as existing. */
const AGAIN = { retry: 3 };

describe("cnictl list and show", () => {
  test("show each file, and the use of the pool", () => {
    write("20-broken.conflist", '{"name": "broken",');
    write("30-net.conflist", { cniVersion: "0.4.0", name: "net", plugins: [{ type: "loopback" }] });
    attach("c1");
    const { status, stdout, stderr } = cnictl(["list"]);
    expect([status, stdout.replaceAll(/ +/g, " ").replaceAll(lists, "DIR")]).toEqual([
      0,
      [
        "NAME VERSION PLUGINS SUBNETS USED STATE FILE",
        "net 1.1.0 bridge,portmap 10.77.0.0/24 1/253 (0%) ok DIR/10-net.conflist",
        "- - - - - broken DIR/20-broken.conflist",
        "net 0.4.0 loopback - - shadowed DIR/30-net.conflist",
        "",
      ].join("\n"),
    ]);
    expect(stderr).toMatch(/20-broken\.conflist: error parsing/);
    const [first] = Object(jsonOf(cnictl(["list", "--json"])));
    expect(first).toMatchObject({
      name: "net",
      state: "ok",
      plugins: ["bridge", "portmap"],
      pools: [{ rangeSet: 0, subnets: ["10.77.0.0/24"], used: 1, size: 253, percent: 0.4 }],
    });
    expect(jsonOf(cnictl(["show", "net", "--json"]))).toMatchObject({
      name: "net",
      file: path.join(lists, "10-net.conflist"),
      pools: [{ used: 1, folder: "/var/lib/cni/networks/net" }],
      attachments: { total: 1, alive: 1, gone: 0, unknown: 0 },
    });
    expect(cnictl(["show", "net"]).stdout).toMatch(/^1 +bridge +- +\{"bridge":"br-net",/m);
    for (const command of ["show", "ps", "leases", "reapply"]) {
      const outcome = cnictl([command, "nett"]);
      expect(outcome).toMatchObject({ status: 1, stdout: "" });
      expect(outcome.stderr).toMatch(
        /^no net configuration with name "nett" in [\s\S]* {2}next: did you mean "net"\? /,
      );
    }
  });

  test("an empty folder gives the headings alone, and an empty JSON array", () => {
    fs.rmSync(path.join(lists, "10-net.conflist"));
    expect(cnictl(["list"]).stdout).toBe("NAME  VERSION  PLUGINS  SUBNETS  USED  STATE  FILE\n");
    expect(cnictl(["list", "--json"]).stdout).toBe("[]\n");
    expect(cnictl(["ps", "--json"]).stdout).toBe("[]\n");
  });
});

describe("cnictl ps", () => {
  test("shows an attachment of these plugins with all that its sources know", () => {
    const netns = attach("c1", PORTS);
    const [veth] = caller.lab.ip("link show type veth").map((link) => Object(link).ifname);
    const [inside] = caller.lab.ip("link show dev eth0", netns).map((link) => Object(link).address);
    expect(seen("c1")).toMatchObject([
      {
        network: "net",
        ifname: "eth0",
        addresses: ["10.77.0.2/24"],
        mac: inside,
        hostInterface: veth,
        ports: [{ protocol: "tcp", hostIp: "", hostPort: 8080, containerPort: 80, isRequested: false }],
        netns,
        namespace: "alive",
        by: "ours",
        knownBy: ["cache", "lease", "link", "rules", "ports"],
      },
    ]);
    expect(cnictl(["ps", "net"]).stdout).toMatch(
      /^net +c1 +eth0 +10\.77\.0\.2\/24 +\S+ +\S+ +8080->80\/tcp +\d+s +alive +ours +cache\+lease\+link\+rules\+ports$/m,
    );
    write("20-other.conflist", { cniVersion: "1.0.0", name: "other", plugins: [{ type: "loopback" }] });
    expect(cnictl(["ps", "other"]).stdout.split("\n")).toHaveLength(2);
  });

  test("shows an attachment of the Go plugins, its host's interface and its ports", () => {
    const netns = attach("c1", { ...PORTS, ...reference() });
    expect(seen("c1")).toMatchObject([
      {
        addresses: ["10.77.0.2/24"],
        hostInterface: expect.stringMatching(/^veth/),
        ports: [{ protocol: "tcp", hostPort: 8080, containerPort: 80, isRequested: false }],
        netns,
        namespace: "alive",
        by: "go",
        knownBy: ["cache", "lease", "link", "rules", "ports"],
      },
    ]);
  });

  test.each<[string, Variables]>([
    ["these plugins'", {}],
    ["the Go plugins'", { CNI_PATH: referenceDir() }],
  ])("shows %s ports in the tables of iptables-legacy, also while another holds the xtables lock", (_, plugins) => {
    write("10-net.conflist", {
      cniVersion: "1.1.0",
      name: "net",
      plugins: [
        { type: "bridge", bridge: "br-net", isGateway: true, ipam: { type: "host-local", subnet: "10.77.0.0/24" } },
        { type: "portmap", backend: "iptables", capabilities: { portMappings: true } },
      ],
    });
    attach("c1", { ...PORTS, ...plugins, PATH: pathFor(caller.lab, "legacy") });
    const lock = path.join(caller.lab.dir, "xtables.lock");
    const ps = [path.join(binDir, "cnictl"), "ps", "--json"];
    const held = caller.run(["flock", lock, ...ps], { NETCONFPATH: lists, XTABLES_LOCKFILE: lock });
    expect(jsonOf(held)).toMatchObject([
      { ports: [{ protocol: "tcp", hostPort: 8080, containerPort: 80, isRequested: false }] },
    ]);
  });

  test("says that a namespace is gone, and what is left of the attachment", AGAIN, () => {
    const [netns] = [attach("c1", PORTS), attach("c2")];
    caller.lab.deleteNamespace(netns ?? "");
    caller.lab.untilVethsAre(1);
    expect(seen("c1")).toMatchObject([
      { namespace: "gone", knownBy: ["cache", "lease", "rules", "ports"], hostInterface: "" },
    ]);
    expect(seen("c2")).toMatchObject([{ namespace: "alive" }]);
  });

  test("shows what one source alone knows, and goes on after a file that it cannot read", () => {
    attach("c1");
    const [file = ""] = caller.files("results");
    caller.forget(file);
    attach("c2");
    caller.spoilResult("{");
    const { status, stdout, stderr } = cnictl(["ps"]);
    expect([status, stdout.match(/ours +\S+$/gm)]).toEqual([0, ["ours  lease+link+rules", "ours  lease+link+rules"]]);
    expect(stderr).toMatch(/results\/net-c2-eth0: no result/);
  });
});

describe("cnictl leases and release", () => {
  /** Writes a lease as the Go plugin does. */
  function lease(address: string, containerId: string): void {
    const text = `${containerId}\\r\\neth0`;
    caller.run([
      "sh",
      "-c",
      `mkdir -p /var/lib/cni/networks/net; printf '${text}' > /var/lib/cni/networks/net/${address}`,
    ]);
  }

  function states(): unknown {
    const { leases } = Object(jsonOf(cnictl(["leases", "--json"])));
    return leases.map((each: { address: string; state: string; by: string }) => [each.address, each.state, each.by]);
  }

  test("say which lease is in use, reclaimable or an orphan, of these plugins and of Go's", AGAIN, () => {
    attach("c1");
    const gone = attach("c2");
    attach("c3", reference());
    lease("10.77.0.199", "c9");
    caller.lab.deleteNamespace(gone);
    expect(states()).toEqual([
      ["10.77.0.199", "orphan", "go"],
      ["10.77.0.2", "in use", "ours"],
      ["10.77.0.3", "reclaimable", "ours"],
      ["10.77.0.4", "in use", "go"],
    ]);
    const { stdout } = cnictl(["leases", "net"]);
    expect(stdout).toMatch(
      /^10\.77\.0\.3 +net +c2 +eth0 +\d+s +this +reclaimable +its network namespace no longer exists$/m,
    );
    expect(stdout).toMatch(
      /\n\nnet: 4 leased: 2 in use, 1 reclaimable, 1 orphan; 0 resting; 10\.77\.0\.0\/24 4\/253 \(1%\)\n$/,
    );
  });

  test("release deletes a lease whose namespace is gone, and its part of the record", AGAIN, () => {
    const gone = attach("c1");
    caller.lab.deleteNamespace(gone);
    const { status, stdout } = cnictl(["release", "10.77.0.2"]);
    expect([status, stdout]).toEqual([
      0,
      '10.77.0.2 of container c1, interface eth0 on network "net": released, its network namespace no longer exists\n',
    ]);
    expect(states()).toEqual([]);
    expect(caller.files("networks/net/.state/attachments")).toEqual([]);
  });

  test("release refuses an address in use, and says who has it and how to detach it", () => {
    const netns = attach("c1");
    expect(cnictl(["release", "10.77.0.2"])).toMatchObject({ status: 1, stdout: "" });
    const { msg, details } = Object(JSON.parse(cnictl(["release", "10.77.0.2", "--json"]).stdout));
    expect(msg).toMatch(/^Cannot release 10\.77\.0\.2: container c1, interface eth0 on network "net" has it/);
    expect(details).toBe(`detach it with \`cnictl del net ${netns} --container-id c1 -i eth0\``);
    expect(states()).toHaveLength(1);
  });

  test("release deletes a lease of the Go plugin only if no namespace has the address", () => {
    lease("10.77.0.199", "c9");
    const netns = caller.lab.addNamespace("c9");
    caller.lab.run(["ip", "address", "add", "10.77.0.199/24", "dev", "lo"], netns);
    expect(cnictl(["release", "10.77.0.199"]).stderr).toMatch(/lo in \S+ has the address/);
    caller.lab.deleteNamespace(netns);
    expect(cnictl(["release", "10.77.0.199", "--json"])).toMatchObject({ status: 0 });
    expect(states()).toEqual([]);
  });

  test("release wants an address that is leased, and a network where several have it", () => {
    expect(cnictl(["release", "10.77.0.2"])).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/it is not leased/),
    });
    expect(cnictl(["release", "nonsense"])).toMatchObject({ status: 2 });
    lease("10.77.0.199", "c9");
    caller.run(["cp", "-r", "/var/lib/cni/networks/net", "/var/lib/cni/networks/other"]);
    expect(cnictl(["release", "10.77.0.199"]).stderr).toMatch(/choose one of net, other with --network/);
    expect(cnictl(["release", "10.77.0.199", "--network", "other"])).toMatchObject({ status: 0 });
    expect(states()).toEqual([["10.77.0.199", "orphan", "go"]]);
  });

  test("a released address rests as long as the network says", () => {
    const text = fs.readFileSync(path.join(lists, "10-net.conflist"), "utf8");
    write("10-net.conflist", text.replace('"subnet"', '"releaseDelay":3600,"subnet"'));
    const netns = attach("c1");
    cnictl(["del", "net", netns, "--container-id", "c1"]);
    expect(states()).toEqual([["10.77.0.2", "resting", undefined]]);
    expect(cnictl(["release", "10.77.0.2"]).stderr).toMatch(/it is released, and rests/);
  });
});

describe("cnictl inspect", () => {
  test("shows what exists for a container on the host and inside, and what CHECK of each plugin says", () => {
    const netns = attach("c1", PORTS);
    caller.lab.run(["ip", "address", "flush", "dev", "eth0"], netns);
    caller.lab.run(["ip", "address", "add", "192.0.2.7/24", "dev", "eth0"], netns);
    const found = Object(jsonOf(cnictl(["inspect", "c1", "--json"])));
    expect(found).toMatchObject({
      netns,
      namespace: "alive",
      attachments: [
        {
          containerId: "c1",
          addresses: ["10.77.0.2/24"],
          host: {
            result: "/var/lib/cni/results/net-c1-eth0",
            leases: [{ address: "10.77.0.2", file: "/var/lib/cni/networks/net/10.77.0.2" }],
            links: [{ kind: "veth", up: true, mtu: 1500 }],
            ports: [{ hostPort: 8080, containerIp: "10.77.0.2", containerPort: 80, backend: "nftables" }],
          },
        },
      ],
      checks: [
        {
          network: "net",
          ifname: "eth0",
          plugin: "bridge",
          state: "failed",
          message: expect.stringMatching(/10\.77\.0\.2/),
        },
        { plugin: "portmap", state: "ok", message: "" },
      ],
    });
    expect(found.inside.links.map((each: { name: string }) => each.name).sort()).toEqual(["eth0", "lo"]);
    expect(found.inside.links.find((each: { name: string }) => each.name === "eth0").addresses).toContain(
      "192.0.2.7/24",
    );
    expect(found.inside.routes).toContainEqual({ destination: "192.0.2.0/24", gateway: "", link: "eth0", metric: 0 });
    expect(found.attachments[0].host.rules.map((each: { table: string }) => each.table).sort()).toEqual([
      "inet cni_masquerade",
      "inet cni_portmap",
    ]);
  });

  test("takes a namespace, also one without an attachment, and shows a container of the Go plugins", () => {
    const netns = attach("c1", reference());
    const text = cnictl(["inspect", netns], reference()).stdout;
    expect(text).toMatch(/^Container: +c1\nNetns: +\S+ \(alive\)\n\nNETWORK /);
    expect(text).toMatch(/^rules +net +inet cni_plugins_masquerade +1 rule$/m);
    expect(text).toMatch(/^bridge +net +eth0 +ok +-$/m);
    const empty = caller.lab.addNamespace("empty");
    expect(jsonOf(cnictl(["inspect", empty, "--json"]))).toMatchObject({
      attachments: [],
      inside: { links: [{ name: "lo" }] },
    });
  });

  test("shows what is left after the namespace is gone", AGAIN, () => {
    caller.lab.deleteNamespace(attach("c1"));
    caller.lab.untilVethsAre(0);
    expect(jsonOf(cnictl(["inspect", "c1", "--json"]))).toMatchObject({
      namespace: "gone",
      attachments: [{ host: { leases: [{ reclaimable: "its network namespace no longer exists" }], links: [] } }],
    });
  });

  test("refuses a name that nothing knows", () => {
    const { status, stdout } = cnictl(["inspect", "nothing", "--json"]);
    expect([status, JSON.parse(stdout)]).toMatchObject([1, { code: 3, msg: expect.stringMatching(/"nothing"/) }]);
  });
});

describe("cnictl metrics", () => {
  /** The samples by name and labels. */
  function samples(text: string): ReadonlyMap<string, number> {
    const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    return new Map(
      lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ")))]),
    );
  }

  test("count pools, leases, attachments, leftovers and conflicts", AGAIN, () => {
    attach("c1");
    attach("c2", reference());
    caller.lab.deleteNamespace(attach("c3", PORTS));
    write("20-broken.conflist", "{");
    write("30-net.conflist", { cniVersion: "0.4.0", name: "net", plugins: [{ type: "loopback" }] });
    const ipam = { type: "host-local", subnet: "10.77.0.128/25" };
    write("40-other.conflist", { cniVersion: "1.0.0", name: "other", plugins: [{ type: "macvlan", ipam }] });
    const { status, stdout } = cnictl(["metrics"]);
    expect(status).toBe(0);
    expect(Object.fromEntries(samples(stdout))).toMatchObject({
      'cni_pool_size{network="net",range_set="0",subnets="10.77.0.0/24"}': 253,
      'cni_pool_leased{network="net",range_set="0",subnets="10.77.0.0/24"}': 3,
      'cni_pool_leased{network="other",range_set="0",subnets="10.77.0.128/25"}': 0,
      'cni_leases{network="net",state="in_use"}': 2,
      'cni_leases{network="net",state="reclaimable"}': 1,
      'cni_attachments{network="net",namespace="alive"}': 2,
      'cni_attachments{network="net",namespace="gone"}': 1,
      'cni_leftovers{kind="result"}': 1,
      'cni_leftovers{kind="lease"}': 1,
      'cni_leftovers{kind="link"}': 0,
      'cni_leftovers{kind="rules"}': 1,
      'cni_leftovers{kind="ports"}': 1,
      'cni_leftovers{kind="record"}': 0,
      'cni_conflicts{kind="address"}': 0,
      'cni_conflicts{kind="subnet"}': 1,
      'cni_conflicts{kind="name"}': 1,
      'cni_network_files{state="broken"}': 1,
      cni_inventory_problems: 1,
    });
  });

  test("replace the file of the collector in one step, readable to all, as the unit of conf/systemd calls it", () => {
    const unit = fs.readFileSync(path.join(confDir, "systemd/cnictl-metrics.service"), "utf8");
    const [, words = ""] = /^ExecStart=\/opt\/cni\/bin\/cnictl (.*)$/m.exec(unit) ?? [];
    const folder = path.join(caller.lab.dir, "collector");
    fs.mkdirSync(folder);
    const file = path.join(folder, "cni.prom");
    fs.writeFileSync(file, "old");
    const before = fs.statSync(file).ino;
    expect(cnictl(words.split(" ").map((word) => word.replace(/^\$\{METRICS_FILE\}$/, file)))).toMatchObject({
      status: 0,
      stdout: "",
    });
    expect(fs.readFileSync(file, "utf8")).toMatch(/^# HELP cni_pool_size /);
    expect([fs.readdirSync(folder), fs.statSync(file).mode & 0o777, fs.statSync(file).ino === before]).toEqual([
      ["cni.prom"],
      0o644,
      false,
    ]);
    expect(cnictl(["metrics", "--output", "/nonexistent/cni.prom"])).toMatchObject({ status: 1 });
  });
});
