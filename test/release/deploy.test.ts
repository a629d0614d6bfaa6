// The manifests in `deploy`, the image that they run, and the template that they install. Its containers are run as a kubelet runs them.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { binDir, Lab } from "../lab.ts";
import { referenceDir } from "../parity/reference.ts";
import { PLUGINS, root } from "../repository/tree.ts";

/** Checks manifests by the API's schemas, which it brings along. */
const VALIDATOR = "kubernetes-validate==1.37.0";
const KUBERNETES = "1.34";

const OVERLAYS = ["base", ...fs.readdirSync(path.join(root, "deploy/overlays")).map((name) => `overlays/${name}`)];
const FULL = "conf/containerd/cluster.conflist.template";
const NODES = {
  IPv4: ["10.244.3.0/24"],
  IPv6: ["fd00:10:244:3::/64"],
  "both families": ["10.244.3.0/24", "fd00:10:244:3::/64"],
};

const validator = path.join(root, ".cache/kubernetes-validate", VALIDATOR);
const python = { ...process.env, PYTHONPATH: validator };

let folder: string;

beforeAll(() => {
  if (fs.existsSync(validator)) return;
  const unfinished = `${validator}.${process.pid}`;
  run(["python3", "-m", "pip", "install", "--quiet", "--target", unfinished, VALIDATOR]);
  fs.renameSync(unfinished, validator);
}, 300_000);

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "deploy-"));
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

function run([file = "", ...args]: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}): string {
  const child = spawnSync(file, args, { encoding: "utf8", maxBuffer: 1 << 28, ...options });
  if (child.error !== undefined) throw child.error;
  expect(child.status, `${file} ${args.join(" ")}\n${child.stdout}${child.stderr}`).toBe(0);
  return child.stdout;
}

/** The objects of an overlay, by kind. */
function objectsOf(overlay: string) {
  const manifest = path.join(folder, "manifest.yaml");
  fs.writeFileSync(manifest, run(["kubectl", "kustomize", path.join(root, "deploy", overlay)]));
  const script = "import json,sys,yaml; print(json.dumps(list(yaml.safe_load_all(open(sys.argv[1])))))";
  const objects: { kind: string }[] = JSON.parse(run(["python3", "-c", script, manifest], { env: python }));
  return { manifest, ...Object.fromEntries(objects.map((each) => [each.kind, each])) } as {
    manifest: string;
    ConfigMap: { data: Record<string, string> };
    DaemonSet: { spec: { template: { spec: PodSpec } } };
  };
}

interface Container {
  readonly args: string[];
  readonly env: { name: string; value: string }[];
  readonly volumeMounts: { name: string; mountPath: string; readOnly?: boolean }[];
  readonly securityContext: { capabilities: { drop: string[] }; readOnlyRootFilesystem: boolean; runAsUser: number };
  readonly readinessProbe?: { exec: { command: string[] } };
}

interface PodSpec {
  readonly initContainers: Container[];
  readonly containers: Container[];
}

/** What containerd makes of a template. */
function render(template: string, subnets: readonly string[]) {
  const file = path.join(folder, "template");
  fs.writeFileSync(file, template);
  const list = run(["go", "run", path.join(import.meta.dirname, "fixtures/render.go"), file, ...subnets]);
  return JSON.parse(list);
}

describe("the manifests", () => {
  it.each(OVERLAYS)("deploy/%s: are valid, by the API's schemas", (overlay) => {
    const { manifest } = objectsOf(overlay);
    const output = spawnSync("python3", ["-m", "kubernetes_validate", "--strict", "-k", KUBERNETES, manifest], {
      encoding: "utf8",
      env: python,
    });
    const said = output.stdout + output.stderr;
    expect([output.status, said.match(/passed for resource/g)?.length], said).toEqual([0, 2]);
  });

  it.each(OVERLAYS)("deploy/%s: install a template with what its name says", (overlay) => {
    const template = objectsOf(overlay).ConfigMap.data["cluster.conflist.template"] ?? "";
    const whole = render(fs.readFileSync(path.join(root, FULL), "utf8"), NODES["both families"]);
    const has = (what: string) => [what, "full"].some((each) => overlay.endsWith(each));
    const plugins = ["bridge", ...["portmap", "bandwidth"].filter(has)];
    const expected = whole.plugins.filter(({ type }: { type: string }) => plugins.includes(type));
    expected[0].nonMasqueradeCIDRs = expected[0].nonMasqueradeCIDRs.filter(
      (prefix: string) => has("dual-stack") || !prefix.includes(":"),
    );
    expect(render(template, NODES["both families"])).toEqual({ ...whole, plugins: expected });
  });
});

describe(FULL, () => {
  it.each(Object.entries(NODES))(
    "of a node with %s is a valid list with these subnets, each with its route",
    (_, subnets) => {
      const list = render(fs.readFileSync(path.join(root, FULL), "utf8"), subnets);
      expect(list.plugins[0].ipam).toEqual({
        type: "host-local",
        ranges: subnets.map((subnet) => [{ subnet }]),
        routes: subnets.map((subnet) => ({ dst: subnet.includes(":") ? "::/0" : "0.0.0.0/0" })),
      });
      const file = path.join(folder, "10-containerd-net.conflist");
      fs.writeFileSync(file, JSON.stringify(list));
      run([path.join(binDir, "cnictl"), "validate", file], { env: { ...process.env, CNI_PATH: binDir } });
    },
  );
});

describe("the image", () => {
  let store: string;
  let env: NodeJS.ProcessEnv;

  beforeAll(() => {
    store = fs.mkdtempSync(path.join(os.tmpdir(), "images-"));
    // Nothing of the machine's own images.
    const shim = `#!/bin/sh\nexec /usr/bin/buildah --root ${store}/images --runroot ${store}/run --storage-driver vfs "$@"\n`;
    fs.writeFileSync(path.join(store, "buildah"), shim, { mode: 0o755 });
    env = { ...process.env, PATH: `${store}:${process.env["PATH"]}` };
  });
  afterAll(() => fs.rmSync(store, { recursive: true, force: true }));

  const build = (name: string) =>
    run([path.join(root, "deploy/image/build.sh"), path.join(binDir, "cnictl"), name], { env }).trim();

  it("has the executable alone, and is the same from the same executable", () => {
    const id = build("first");
    expect(build("second")).toBe(id);
    const container = run(["buildah", "from", id], { env }).trim();
    const mounted = run(["buildah", "mount", container], { env }).trim();
    expect(fs.readdirSync(mounted, { recursive: true })).toEqual(["cnictl"]);
    expect(fs.readFileSync(path.join(mounted, "cnictl")).equals(fs.readFileSync(path.join(binDir, "cnictl")))).toBe(
      true,
    );
    run(["buildah", "rm", container], { env });
  });
});

describe("the containers of the DaemonSet", () => {
  /** Runs a container with the rights, mounts and arguments of the manifest; `args` in the place of its own. */
  function runContainer({ args, env, volumeMounts, securityContext }: Container, command = ["/cnictl", ...args]) {
    const bundle = fs.mkdtempSync(path.join(folder, "bundle-"));
    fs.mkdirSync(path.join(bundle, "rootfs"));
    fs.copyFileSync(path.join(binDir, "cnictl"), path.join(bundle, "rootfs/cnictl"));
    expect(securityContext.capabilities.drop).toEqual(["ALL"]);
    const binds = volumeMounts.map(({ name, mountPath, readOnly = false }) => {
      // A read-only root has them already.
      fs.mkdirSync(path.join(bundle, "rootfs", mountPath), { recursive: true });
      fs.mkdirSync(path.join(folder, name), { recursive: true });
      const options = ["bind", readOnly ? "ro" : "rw"];
      return { destination: mountPath, type: "bind", source: path.join(folder, name), options };
    });
    const config = {
      ociVersion: "1.0.2",
      process: {
        user: { uid: securityContext.runAsUser, gid: 0 },
        args: command,
        env: env.map(({ name, value }) => `${name}=${value}`),
        cwd: "/",
        capabilities: {},
        noNewPrivileges: true,
      },
      root: { path: "rootfs", readonly: securityContext.readOnlyRootFilesystem },
      mounts: [{ destination: "/proc", type: "proc", source: "proc" }, ...binds],
      // The network is the host's.
      linux: { namespaces: [{ type: "mount" }, { type: "pid" }] },
    };
    fs.mkdirSync(path.join(bundle, "rootfs/proc"), { recursive: true });
    fs.writeFileSync(path.join(bundle, "config.json"), JSON.stringify(config));
    const argv = ["--root", path.join(folder, "runc"), "run", "--bundle", bundle, path.basename(bundle)];
    return spawnSync("runc", argv, { encoding: "utf8" });
  }

  function podOf(overlay: string) {
    const { ConfigMap, DaemonSet } = objectsOf(overlay);
    fs.mkdirSync(path.join(folder, "config"), { recursive: true });
    for (const [name, text] of Object.entries(ConfigMap.data))
      fs.writeFileSync(path.join(folder, "config", name), text);
    const { initContainers, containers } = DaemonSet.spec.template.spec;
    const [install] = initContainers;
    const [status] = containers;
    if (install === undefined || status === undefined) throw new Error("Cannot find the DaemonSet's containers");
    return { install, status, template: ConfigMap.data["cluster.conflist.template"] ?? "" };
  }

  it("install the plugins and the template, and are ready once there is a list", () => {
    const { install, status, template } = podOf("overlays/full");
    const { status: code, stderr } = runContainer(install);
    expect([code, stderr]).toEqual([0, ""]);
    expect(fs.readdirSync(path.join(folder, "plugins"))).toEqual(expect.arrayContaining([...PLUGINS, "cnictl"]));
    expect(fs.readdirSync(path.join(folder, "networks"))).toEqual(["cluster.conflist.template"]);
    const probe = () => runContainer(status, status.readinessProbe?.exec.command).status;
    expect(probe()).toBe(1);
    const list = JSON.stringify(render(template, NODES["both families"]));
    fs.writeFileSync(path.join(folder, "networks/10-containerd-net.conflist"), list);
    expect(probe()).toBe(0);
  });

  it("change nothing on a node with other plugins, and the log says what to do", () => {
    const { install } = podOf("base");
    fs.mkdirSync(path.join(folder, "plugins"));
    fs.writeFileSync(path.join(folder, "plugins/bridge"), "the Go bridge");
    const refused = runContainer(install);
    expect([refused.status, refused.stderr]).toEqual([
      1,
      expect.stringContaining("`cnictl install --force --dir /host/opt/cni/bin --list "),
    ]);
    expect(fs.readdirSync(path.join(folder, "plugins"))).toEqual(["bridge"]);
    expect(runContainer(install, ["/cnictl", ...install.args, "--force"]).status).toBe(0);
    expect(runContainer(install, ["/cnictl", "install", "--rollback", "--dir=/host/opt/cni/bin"]).status).toBe(0);
    expect(fs.readFileSync(path.join(folder, "plugins/bridge"), "utf8")).toBe("the Go bridge");
  });

  it("replace the Go plugins under containers that live, and go back", () => {
    const { install } = podOf("base");
    const bin = path.join(folder, "plugins");
    fs.cpSync(referenceDir(), bin, { recursive: true });
    const lab = new Lab();
    try {
      const ipam = { type: "host-local", dataDir: lab.dataDir, subnet: "10.88.0.0/24" };
      const config = {
        cniVersion: "1.0.0",
        name: "net1",
        type: "bridge",
        bridge: "br0",
        isGateway: true,
        ipMasq: true,
        ipam,
      };
      const call = (command: string, name: string, more: object = {}) => {
        const netns = `/run/netns/${lab.id}-${name}`;
        const outcome = lab.plugin("bridge", {
          command,
          config: { ...config, ...more },
          netns,
          containerId: name,
          bin,
        });
        expect(outcome).toMatchObject({ status: 0 });
        return command === "ADD" ? JSON.parse(outcome.stdout) : undefined;
      };
      const reaches = (from: string, to: string) =>
        lab.run(["ping", "-n", "-c1", "-W5", to], `/run/netns/${lab.id}-${from}`);
      const [old1, old2] = ["old1", "old2"].map((name) => {
        lab.addNamespace(name);
        return call("ADD", name);
      });
      expect(runContainer(install, ["/cnictl", ...install.args, "--force"]).status).toBe(0);
      lab.addNamespace("new1");
      const new1 = call("ADD", "new1");
      for (const [from, to] of [
        ["old1", "10.88.0.4"],
        ["new1", "10.88.0.2"],
        ["old2", "10.88.0.1"],
      ] as const)
        reaches(from, to);
      call("CHECK", "old1", { prevResult: old1 });
      call("DEL", "old1", { prevResult: old1 });
      expect(runContainer(install, ["/cnictl", "install", "--rollback", "--dir=/host/opt/cni/bin"]).status).toBe(0);
      for (const name of PLUGINS)
        expect(
          fs.readFileSync(path.join(bin, name)).equals(fs.readFileSync(path.join(referenceDir(), name))),
          name,
        ).toBe(true);
      reaches("new1", "10.88.0.3");
      for (const [name, prevResult] of [
        ["old2", old2],
        ["new1", new1],
      ] as const) {
        call("CHECK", name, { prevResult });
        call("DEL", name, { prevResult });
      }
      expect(lab.ip("link show type veth")).toEqual([]);
      expect(lab.leases("net1").filter((name) => name.startsWith("10."))).toEqual([]);
    } finally {
      lab.dispose();
    }
  });
});
