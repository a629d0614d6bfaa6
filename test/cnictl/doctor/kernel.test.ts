import { expect, test } from "vitest";
import { kernelCheck } from "../../../src/cnictl/doctor/kernel.ts";
import { FakeKernel } from "../../kernel/fake-kernel.ts";
import { examinationOf, modules, networkOf, ROUTED, wrong } from "./examinee.ts";

const bridge = networkOf({ plugins: [ROUTED] });
const all = networkOf({
  plugins: [{ ...ROUTED, vlan: 5 }, { type: "portmap" }, { type: "firewall" }, { type: "bandwidth", egressRate: 1 }],
});

test("a kernel without modules is asked for everything, and has it", () => {
  const kernel = new FakeKernel();
  const found = kernelCheck.run(examinationOf([all], { kernel }));
  expect(wrong(found)).toEqual([]);
  expect(found.map(({ subject }) => subject)).toEqual([
    ...[
      "bridge",
      "veth",
      "ifb",
      "sch_tbf",
      "nf_tables",
      "nft_chain_nat",
      "nft_masq",
      "nft_nat",
      "nft_fib_inet",
      "nft_ct",
    ],
    "bridge",
  ]);
  expect(kernel.snapshot()).toEqual(new FakeKernel().snapshot());
});

test("a kernel without modules lacks each part that it cannot make", () => {
  const kernel = new FakeKernel();
  kernel.features.kinds.delete("ifb");
  kernel.features.qdiscs.delete("tbf");
  kernel.features.vlanFiltering = false;
  kernel.features.missingExpressions.add("masq").add("fib");
  expect(wrong(kernelCheck.run(examinationOf([all], { kernel })))).toEqual([
    "error ifb: the kernel lacks it: egress limits of network x | use a kernel with it",
    "error sch_tbf: the kernel lacks it: limits of network x | use a kernel with it",
    "error nft_masq: the kernel lacks it: masquerade and port mappings of network x | use a kernel with it",
    "error nft_fib_inet: the kernel lacks it: port mappings of network x | use a kernel with it",
    "error bridge: bridges of this kernel do not filter VLANs (CONFIG_BRIDGE_VLAN_FILTERING): VLANs of network x | use a kernel with it",
  ]);
  kernel.features.nftables = false;
  expect(wrong(kernelCheck.run(examinationOf([bridge], { kernel }))).map((line) => line.split(":")[0])).toEqual([
    "error nf_tables",
    "error nft_chain_nat",
    "error nft_masq",
  ]);
});

test("only firewall needs the states of connections", () => {
  const kernel = new FakeKernel();
  kernel.features.missingExpressions.add("ct");
  const lacksFor = (type: string) => {
    const network = networkOf({ plugins: [ROUTED, { type }] });
    return wrong(kernelCheck.run(examinationOf([network], { kernel })));
  };
  expect(lacksFor("portmap")).toEqual([]);
  expect(lacksFor("firewall")).toEqual([
    "error nft_ct: the kernel lacks it: firewall of network x | use a kernel with it",
  ]);
});

test("a kernel with modules is not asked for what it would load then", () => {
  const kernel = new FakeKernel();
  kernel.features.kinds.delete("bridge");
  const states = {
    bridge: "loadable",
    nf_tables: "loadable",
    nft_masq: "loadable",
    nft_chain_nat: "loadable",
  } as const;
  expect(wrong(kernelCheck.run(examinationOf([bridge], { kernel, modules: modules(states) })))).toEqual([]);
  expect(kernel.log.filter((line) => !line.includes("are known"))).toEqual([]);
});

test.each([
  [
    "loadable",
    "kernel.modprobe is empty",
    "the kernel does not load it, because kernel.modprobe is empty",
    "modprobe veth",
  ],
  [
    "missing",
    undefined,
    "kernel 6.1.0 has no such module",
    "install the package with all modules of this kernel, such as linux-modules-extra or kernel-modules-extra",
  ],
  [
    "unknown",
    undefined,
    "it is not loaded, and the folder /lib/modules/6.1.0 does not exist, as after an update of the kernel",
    "reboot into the kernel that is installed",
  ],
] as const)("a module that is %s (%s) is an error with its cure", (state, obstacle, message, cure) => {
  const kernel = new FakeKernel();
  kernel.features.kinds.delete("veth");
  const examination = examinationOf([bridge], { kernel, modules: modules({ veth: state }, obstacle) });
  expect(wrong(kernelCheck.run(examination))).toEqual([`error veth: ${message}: veth pairs of network x | ${cure}`]);
  expect(examination.lacking).toEqual(new Map([["x", cure]]));
});

test("a kernel with modules is looked at for what redirects the packets of egress limits", () => {
  const states = { sch_tbf: "present", sch_ingress: "present", cls_u32: "missing", act_mirred: "missing" } as const;
  const lacks = (limit: object) => {
    const network = networkOf({ plugins: [{ type: "bandwidth", ...limit }] });
    return wrong(kernelCheck.run(examinationOf([network], { modules: modules(states) })));
  };
  const cure =
    "install the package with all modules of this kernel, such as linux-modules-extra or kernel-modules-extra";
  expect(lacks({ ingressRate: 1 })).toEqual([]);
  expect(lacks({ egressRate: 1 })).toEqual([
    `error cls_u32: kernel 6.1.0 has no such module: egress limits of network x | ${cure}`,
    `error act_mirred: kernel 6.1.0 has no such module: egress limits of network x | ${cure}`,
  ]);
});

test("a network without bridges needs nothing of the kernel", () => {
  expect(kernelCheck.run(examinationOf([networkOf({ plugins: [{ type: "loopback" }] })]))).toEqual([]);
});

test("a kernel is asked for the links of the plugins that make them", () => {
  const kernel = new FakeKernel();
  for (const kind of ["macvlan", "vlan"]) kernel.features.kinds.delete(kind);
  const plugins = ["macvlan", "ipvlan", "vlan", "dummy", "vrf"].map((type) => ({ type }));
  const found = kernelCheck.run(examinationOf([networkOf({ plugins })], { kernel }));
  expect(found.map(({ subject }) => subject)).toEqual(["macvlan", "ipvlan", "8021q", "dummy", "vrf"]);
  expect(wrong(found)).toEqual([
    "error macvlan: the kernel lacks it: macvlan interfaces of network x | use a kernel with it",
    "error 8021q: the kernel lacks it: vlan interfaces of network x | use a kernel with it",
  ]);
});

test("ptp needs veth pairs, and with ipMasq the rules that masquerade", () => {
  const subjectsOf = (ipMasq: boolean) =>
    kernelCheck.run(examinationOf([networkOf({ plugins: [{ type: "ptp", ipMasq }] })])).map(({ subject }) => subject);
  expect(subjectsOf(false)).toEqual(["veth"]);
  expect(subjectsOf(true)).toEqual(["veth", "nf_tables", "nft_chain_nat", "nft_masq"]);
});
