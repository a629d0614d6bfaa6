import { defineCommand } from "../command.ts";
import { UsageError } from "../usage-error.ts";
import { SCRIPTS } from "./scripts.ts";

const SHELLS = Object.keys(SCRIPTS);

/** `cnictl completion`: the script by which a shell completes cnictl's arguments. */
export const completion = defineCommand({
  name: "completion",
  summary: "Prints the script by which a shell completes arguments",
  help: [
    "Completes commands, options, and what exists on this machine: networks, namespaces, containers,",
    "leases that can be released, plugins, files.",
    "",
    "  bash: cnictl completion bash > /etc/bash_completion.d/cnictl",
    "  zsh:  cnictl completion zsh > /usr/local/share/zsh/site-functions/_cnictl",
    "  fish: cnictl completion fish > /etc/fish/completions/cnictl.fish",
  ],
  operands: [{ name: SHELLS.join("|"), required: true, completion: SHELLS }],
  options: {},
  environment: [],
  run: (edge, { operands: [shell = ""] }) => {
    const script = Object.hasOwn(SCRIPTS, shell) ? SCRIPTS[shell] : undefined;
    if (script === undefined) throw new UsageError(`no completion for ${JSON.stringify(shell)}`);
    edge.writeOut(script);
    return undefined;
  },
});
