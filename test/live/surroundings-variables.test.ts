import { afterAll, beforeAll, expect, test } from "vitest";
import { isNative, Lab } from "../lab.ts";
import { leaseFiles } from "./traces.ts";

let lab: Lab;
let netns: string;
let plain: unknown;

beforeAll(() => {
  lab = new Lab();
  netns = lab.addNamespace("c1");
  plain = life();
});

afterAll(() => lab.dispose());

/** Variables by which runtimes and libraries are steered, each with a value that would change something or stop the process. */
const VARIABLES: Readonly<Record<string, string>> = {
  // Node.js, pkg and libuv
  NODE_OPTIONS: "--require=/nonexistent.js",
  NODE_REPL_EXTERNAL_MODULE: "/nonexistent.js",
  NODE_PATH: "/nonexistent",
  NODE_DEBUG: "fs,module,child_process",
  NODE_DEBUG_NATIVE: "INSPECTOR_SERVER",
  NODE_V8_COVERAGE: "/dev/null/nonexistent",
  NODE_ICU_DATA: "/nonexistent",
  NODE_EXTRA_CA_CERTS: "/nonexistent",
  NODE_COMPILE_CACHE: "/dev/null/nonexistent",
  NODE_REDIRECT_WARNINGS: "/proc/nonexistent",
  NODE_PENDING_DEPRECATION: "1",
  NODE_CHANNEL_FD: "1",
  NODE_TEST_CONTEXT: "child-v8",
  PKG_EXECPATH: "PKG_INVOKE_NODEJS",
  DEBUG_PKG: "1",
  UV_THREADPOOL_SIZE: "0",
  UV_USE_IO_URING: "1",
  // Bun
  BUN_BE_BUN: "1",
  BUN_OPTIONS: "--version",
  BUN_INSPECT: "ws://127.0.0.1:1/x",
  BUN_INSPECT_PRELOAD: "/nonexistent.js",
  BUN_JSC_dumpOptions: "1",
  BUN_RUNTIME_TRANSPILER_CACHE_PATH: "/proc/nonexistent",
  // OpenSSL
  OPENSSL_CONF: "/dev/zero",
  OPENSSL_MODULES: "/nonexistent",
  OPENSSL_ENGINES: "/nonexistent",
  OPENSSL_ia32cap: "0",
  SSL_CERT_FILE: "/nonexistent",
  SSL_CERT_DIR: "/nonexistent",
  // ld.so, of glibc and of musl
  LD_PRELOAD: "/nonexistent.so",
  LD_LIBRARY_PATH: "/nonexistent",
  LD_AUDIT: "/nonexistent.so",
  LD_DEBUG: "all",
  LD_BIND_NOW: "1",
  LD_SHOW_AUXV: "1",
  LD_TRACE_LOADED_OBJECTS: "1",
  LD_PROFILE: "libc.so.6",
  LD_VERBOSE: "1",
  // The C library, of glibc and of musl
  GLIBC_TUNABLES: "glibc.malloc.check=3:glibc.malloc.arena_max=1:glibc.pthread.rseq=0",
  MALLOC_PERTURB_: "170",
  MALLOC_ARENA_MAX: "1",
  MALLOC_TRACE: "/proc/nonexistent",
  GCONV_PATH: "/nonexistent",
  NLSPATH: "/nonexistent",
  LOCPATH: "/nonexistent",
  MUSL_LOCPATH: "/nonexistent",
  LANG: "tr_TR.UTF-8",
  LC_ALL: "de_DE.ISO-8859-1",
  LANGUAGE: "tr",
  POSIXLY_CORRECT: "1",
  GETCONF_DIR: "/nonexistent",
  RES_OPTIONS: "debug",
  TZ: "Asia/Kathmandu",
  TZDIR: "/nonexistent",
  // Everybody
  HOME: "/nonexistent",
  TMPDIR: "/nonexistent",
  PATH: "/nonexistent",
  TERM: "xterm-256color",
  COLUMNS: "5",
  FORCE_COLOR: "3",
  DEBUG: "*",
};

/** What Node.js and the loader of its libraries obey: the call fails, or says something else. docs/differences.md names them. */
const OBEYED_BY_NODE = new Set([
  ...["NODE_OPTIONS", "NODE_DEBUG", "NODE_V8_COVERAGE"],
  ...["LD_PRELOAD", "LD_AUDIT", "LD_DEBUG", "LD_SHOW_AUXV", "LD_TRACE_LOADED_OBJECTS"],
]);

/** All that a container's life says, where each is given the address by name. MACs and names of links are drawn by lot. */
function life(variables: Readonly<Record<string, string>> = {}): unknown {
  const ranges = [[{ subnet: "10.1.2.0/24" }]];
  const ipam = { type: "host-local", dataDir: lab.dataDir, ranges };
  const args = { cni: { ips: ["10.1.2.7"] } };
  const config = { cniVersion: "1.1.0", name: "net1", type: "bridge", bridge: "br0", isGateway: true, args, ipam };
  // Some make Node.js wait for ever.
  const wrapper = [
    "timeout",
    "--signal=KILL",
    "10",
    "env",
    ...Object.entries(variables).map(([name, value]) => `${name}=${value}`),
  ];
  const outcomes = ["", "ADD", "DEL"].map((command) => {
    const { status, signal, stdout, stderr } = lab.plugin("bridge", { command, config, netns, wrapper });
    const drawn = /veth[0-9a-f]+|[0-9a-f]{2}(:[0-9a-f]{2}){5}/g;
    return { command, status, signal, stdout: stdout.replace(drawn, "x"), stderr };
  });
  return { outcomes, leases: leaseFiles(lab) };
}

test.each(Object.entries(VARIABLES))("%s=%s changes nothing that a plugin does or says", (name, value) => {
  const found = life({ [name]: value });
  if (!isNative && OBEYED_BY_NODE.has(name)) expect(found).not.toEqual(plain);
  else expect(found).toEqual(plain);
});

test("all of them at once change nothing either", () => {
  const { PATH: _, ...others } = VARIABLES;
  const variables = Object.entries(others).filter(([name]) => isNative || !OBEYED_BY_NODE.has(name));
  expect(life(Object.fromEntries(variables))).toEqual(plain);
});
