import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { binDir } from "../lab.ts";

const PROMPT = "ready>";

let folder: string;

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "cni-completion-"));
  const list = { cniVersion: "1.0.0", name: "office", plugins: [{ type: "bridge" }] };
  write("net.d/10-office.conflist", JSON.stringify(list));
  const leases = path.join(folder, "leases");
  const ipam = { type: "host-local", dataDir: leases, subnet: "fd00:77::/64" };
  write(
    "net.d/20-six.conflist",
    JSON.stringify({ cniVersion: "1.0.0", name: "six", plugins: [{ type: "bridge", ipam }] }),
  );
  // A lease from an earlier boot, which nobody uses.
  write("leases/six/fd00:77::5", "gone\r\neth0");
  fs.utimesSync(path.join(leases, "six/fd00:77::5"), 1, 1);
  write("cache/results/.keep", "");
  write("plain file", "");
  fs.mkdirSync(path.join(folder, "plugins-here"));
  // What a shell runs notes its arguments; what completion asks is answered by the executable under test.
  const cnictl = path.join(binDir, "cnictl");
  const note = `printf '%s|' "$@" >> ${folder}/typed; echo >> ${folder}/typed`;
  write("bin/cnictl", `#!/bin/sh\nif [ "$1" = __complete ]; then exec ${cnictl} "$@"; fi\n${note}\n`);
  fs.chmodSync(path.join(folder, "bin/cnictl"), 0o755);
});
afterEach(() => fs.rmSync(folder, { recursive: true }));

function write(name: string, text: string): void {
  fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
  fs.writeFileSync(path.join(folder, name), text);
}

/** How each shell starts with the script, and nothing else of the machine. */
const SHELLS: Readonly<Record<string, (script: string) => readonly string[]>> = {
  bash: (script) => {
    write("rc", `PS1='${PROMPT}'; source ${script}\n`);
    return ["bash", "--noprofile", "--rcfile", `${folder}/rc`, "-i"];
  },
  zsh: (script) => {
    write(".zshrc", `PS1='${PROMPT}'; autoload -Uz compinit; compinit -u -D; source ${script}\n`);
    return ["zsh", "-o", "no_global_rcs", "-i"];
  },
  "zsh, by its folder of functions": (script) => {
    fs.mkdirSync(path.join(folder, "functions"));
    fs.copyFileSync(script, path.join(folder, "functions/_cnictl"));
    write(".zshrc", `PS1='${PROMPT}'; fpath=(${folder}/functions $fpath); autoload -Uz compinit; compinit -u -D\n`);
    return ["zsh", "-o", "no_global_rcs", "-i"];
  },
  fish: (script) => [
    "fish",
    "--no-config",
    "-i",
    "-C",
    `function fish_prompt; echo '${PROMPT}'; end; source ${script}`,
  ],
};

/** Types lines, each with a tab at its end, and returns the commands that were run. */
function type(shell: string, lines: readonly string[]): readonly string[] {
  const name = shell.replace(/,.*/, "");
  const script = spawnSync(path.join(binDir, "cnictl"), ["completion", name], { encoding: "utf8" }).stdout;
  write("script", script);
  const argv = SHELLS[shell]?.(path.join(folder, "script")) ?? [];
  const input = JSON.stringify([...lines.map((line) => `${line}\t\r`), "exit\r"]);
  const { stdout } = spawnSync("python3", [path.join(import.meta.dirname, "terminal.py"), PROMPT, ...argv], {
    cwd: folder,
    env: {
      PATH: `${folder}/bin:/usr/bin:/bin`,
      HOME: folder,
      ZDOTDIR: folder,
      TERM: "xterm",
      LC_ALL: "C.UTF-8",
      NETCONFPATH: `${folder}/net.d`,
    },
    input,
    encoding: "utf8",
    timeout: 60_000,
  });
  const typed = path.join(folder, "typed");
  if (!fs.existsSync(typed)) throw new Error(`The shell ran nothing: ${stdout}`);
  // Zsh takes the slash at the end of a folder away again.
  return fs.readFileSync(typed, "utf8").trimEnd().replaceAll("/|", "|").split("\n");
}

test.each(Object.keys(SHELLS))(
  "%s completes commands, options, networks, leases, plugins, files and folders",
  (shell) => {
    const lines = {
      "cnictl uni": "uninstall",
      "cnictl help rele": "help|release",
      "cnictl show off": "show|office",
      "cnictl show --js": "show|--json",
      "cnictl release --network=si": "release|--network=six",
      "cnictl release --network si": "release|--network|six",
      [`cnictl release --cache-dir ${folder}/cache fd00:7`]: `release|--cache-dir|${folder}/cache|fd00:77::5`,
      "cnictl schema host-l": "schema|host-local",
      "cnictl validate net.d/10": "validate|net.d/10-office.conflist",
      "cnictl validate pla": "validate|plain file",
      "cnictl install --only brid": "install|--only|bridge",
      "cnictl install --only cnictl,host-l": "install|--only|cnictl,host-local",
      "cnictl install --only=cnictl,host-l": "install|--only=cnictl,host-local",
      "cnictl install --dir pl": "install|--dir|plugins-here",
      "cnictl metrics --output=plai": "metrics|--output=plain file",
    };
    expect(type(shell, Object.keys(lines))).toEqual(Object.values(lines).map((each) => `${each}|`));
  },
);
