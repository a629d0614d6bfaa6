import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Caller, jsonOf } from "../caller.ts";
import type { Outcome } from "../lab.ts";
import { pathFor } from "../live/masquerading.ts";
import { missesNoChain, referenceDir } from "./reference.ts";

const reference = referenceDir();

let caller: Caller;
let lists: string;

beforeEach(() => {
  caller = new Caller();
  lists = path.join(caller.lab.dir, "net.d");
  fs.mkdirSync(lists);
});

afterEach(() => caller.dispose());

const SPEED = { ingressRate: 8_000_000, ingressBurst: 8_000_000, egressRate: 8_000_000, egressBurst: 8_000_000 };

/** Writes a list of everything that leaves something on the host, with a backend of its own. */
function writeList(name: string, backend: "nftables" | "iptables"): void {
  const subnet = { nftables: "10.88", iptables: "10.89" }[backend];
  const ranges = [[{ subnet: `${subnet}.0.0/24` }], [{ subnet: `fd00:${subnet.slice(3)}::/64` }]];
  const plugins = [
    {
      type: "bridge",
      bridge: name,
      isGateway: true,
      ipMasq: true,
      ipMasqBackend: backend,
      ipam: { type: "host-local", ranges },
    },
    { type: "portmap", backend, capabilities: { portMappings: true } },
    { type: "firewall", ...(backend === "iptables" && { backend }) },
    { type: "bandwidth", ...SPEED },
  ];
  fs.writeFileSync(path.join(lists, `${name}.conflist`), JSON.stringify({ cniVersion: "1.0.0", name, plugins }));
}

function cnictl(args: readonly string[], variables: Readonly<Record<string, string>> = {}) {
  return caller.cnictl(args, { NETCONFPATH: lists, ...variables });
}

function detachByReference(netns: string | undefined, id: string): void {
  const outcome = cnictl(["del", "net1", netns ?? "", "--container-id", id], { CNI_PATH: reference });
  if (missesNoChain(outcome)) caller.forget(`net1-${id}-eth0`);
  else expect(outcome).toMatchObject({ status: 0 });
}

/** All rules of the host and all its links, as text. */
function everything(): string {
  const { lab } = caller;
  const commands = ["nft list ruleset", "iptables -t nat -S", "ip6tables -t nat -S", "ip -details link show"];
  return commands.map((command) => lab.run(command.split(" "))).join("\n");
}

const quiet = { status: 0, stdout: "", stderr: "" };

describe("cnictl clean, on a node that went back to the Go plugins", () => {
  it.each(["nftables", "iptables"] as const)(
    "takes away what their DEL leaves, and nothing of those who live: %s",
    (backend) => {
      writeList("net1", backend);
      const [gone, living] = ["gone", "living"].map((name) => caller.lab.addNamespace(name));
      for (const [index, netns] of [gone, living].entries()) {
        const CAP_ARGS = JSON.stringify({
          portMappings: [{ hostPort: 8080 + index, containerPort: 80, protocol: "tcp" }],
        });
        const id = ["--container-id", index === 0 ? "container-gone" : "container-living"];
        jsonOf(cnictl(["add", "net1", netns ?? "", ...id], { CAP_ARGS }));
      }
      detachByReference(gone, "container-gone");
      expect(everything()).toContain("container-gone");
      const { stdout, ...cleaned } = cnictl(["clean"], { CNI_PATH: reference });
      expect(cleaned).toMatchObject({ status: 0, stderr: "" });
      expect(stdout).toMatch(
        /^eth0 of container container-gone on network net1: removed .*\bport 8080->80\/tcp|inet cni_portmap/m,
      );
      expect(stdout).toContain("table inet cni_firewall: stays, 1 attachment uses it\n");
      expect(stdout).not.toContain("container-living");
      expect(everything()).not.toContain("container-gone");
      expect(everything()).not.toMatch(/10\.8[89]\.0\.2\b/);
      expect(cnictl(["check", "net1", living ?? "", "--container-id", "container-living"])).toMatchObject(quiet);
      expect(fs.readdirSync(caller.lab.dir).filter((name) => name.startsWith("cnictl-"))).toEqual([]);
    },
  );

  it.each(["nftables", "iptables"] as const)(
    "takes away the earlier life of a container that the Go plugins attached again: %s",
    (backend) => {
      writeList("net1", backend);
      const CAP_ARGS = JSON.stringify({ portMappings: [{ hostPort: 8301, containerPort: 80, protocol: "tcp" }] });
      const netns = caller.lab.addNamespace("again");
      const id = ["--container-id", "container-again"];
      const addressOf = (outcome: Outcome) =>
        /"address": "([^/]*)/.exec(JSON.stringify(jsonOf(outcome), null, 1))?.[1] ?? "";
      const old = addressOf(cnictl(["add", "net1", netns, ...id], { CAP_ARGS }));
      detachByReference(netns, "container-again");
      const now = addressOf(cnictl(["add", "net1", netns, ...id], { CAP_ARGS, CNI_PATH: reference }));
      expect(now).not.toBe(old);
      const former = new RegExp(`\\b${old.replaceAll(".", "\\.")}\\b`);
      expect(everything()).toMatch(former);
      const { stdout, ...cleaned } = cnictl(["clean"], { CNI_PATH: reference });
      expect(cleaned).toMatchObject({ status: 0, stderr: "" });
      expect(stdout).toMatch(/^(eth0 of )?container container-again on network net1: removed /m);
      expect(stdout).not.toContain("stays");
      expect(everything()).not.toMatch(former);
      expect(everything()).not.toContain("CNI portfwd loopback");
      expect(cnictl(["check", "net1", netns, ...id], { CNI_PATH: reference })).toMatchObject(quiet);
      expect(everything()).toMatch(new RegExp(`(dnat to|--to-destination) ${now}:80`));
    },
  );

  it("needs no network list, passes over one that no plugin takes, and keeps whom only a link of the host names", () => {
    writeList("net1", "nftables");
    const [gone, living] = ["gone", "living"].map((name) => caller.lab.addNamespace(name));
    jsonOf(cnictl(["add", "net1", gone ?? "", "--container-id", "gone"]));
    jsonOf(cnictl(["add", "net1", living ?? "", "--container-id", "living"]));
    detachByReference(gone, "gone");
    fs.rmSync(path.join(lists, "net1.conflist"));
    fs.writeFileSync(
      path.join(lists, "odd.conflist"),
      '{"cniVersion":"1.1.0","name":"a/b","plugins":[{"type":"bridge"}]}',
    );
    caller.forget("net1-living-eth0");
    expect(cnictl(["clean"])).toMatchObject({ status: 0, stderr: "" });
    expect(everything()).not.toContain("id: gone");
    expect(everything()).toContain("id: living");
  });

  it.each(["nft", "legacy"] as const)(
    "takes away the rules against loopback addresses with the last mapping of a family: iptables-%s",
    (variant) => {
      writeList("net1", "iptables");
      const PATH = pathFor(caller.lab, variant);
      const [first = "", last = ""] = ["first", "last"].map((name) => caller.lab.addNamespace(name));
      for (const [index, netns] of [first, last].entries()) {
        const mapping = { hostPort: 8080 + index, containerPort: 80, protocol: "tcp" };
        const hostIP = netns === last ? { hostIP: "0.0.0.0" } : {};
        jsonOf(
          cnictl(["add", "net1", netns], {
            PATH,
            CAP_ARGS: JSON.stringify({ portMappings: [{ ...mapping, ...hostIP }] }),
          }),
        );
      }
      const guards = () =>
        ["iptables", "ip6tables"].map((tool) => {
          const rules = caller.lab.run([`${tool}-${variant}`, "-t", "raw", "-S"]);
          return rules.split("CNI portfwd loopback").length - 1;
        });
      expect(guards()).toEqual([2, 2]);
      expect(cnictl(["clean"], { PATH }).stdout).not.toContain("table raw");
      expect(cnictl(["del", "net1", first], { PATH })).toMatchObject(quiet);
      expect(cnictl(["clean"], { PATH }).stdout).toContain(`table raw of ip6tables-${variant}: rules of port mappings`);
      expect(guards()).toEqual([2, 0]);
      expect(cnictl(["del", "net1", last], { PATH })).toMatchObject(quiet);
      expect(cnictl(["clean"], { PATH })).toMatchObject({
        ...quiet,
        stdout: `table raw of iptables-${variant}: rules of port mappings against loopback addresses deleted\n`,
      });
      expect(guards()).toEqual([0, 0]);
      expect(cnictl(["clean"], { PATH })).toMatchObject(quiet);
    },
  );

  it("does nothing where it cannot tell who lives", () => {
    expect(cnictl(["clean"])).toMatchObject({ status: 1, stdout: "" });
  });
});
