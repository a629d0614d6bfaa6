import { type ChildProcess, spawn } from "node:child_process";

const PORT = 5005;

/** Tells everyone who connects under which address it sees them. */
const MIRROR = `
require("net").createServer((socket) => {
  socket.on("error", () => {}).end(socket.remoteAddress.replace("::ffff:", ""));
}).listen(${PORT}, "::", () => console.log("ready"));
`;

/** Connects to each address, all at once, and prints what they say; null where nobody answers. */
const LOOK = `
const seen = {};
for (const host of process.argv.slice(1)) {
  seen[host] = null;
  const socket = require("net").connect(${PORT}, host).on("error", () => {}).on("data", (text) => { seen[host] = String(text); });
  socket.setTimeout(20_000, () => socket.destroy());
}
process.on("exit", () => console.log(JSON.stringify(seen)));
`;

/** Programs in network namespaces that tell whoever connects by TCP under which address they see it. */
export class Mirrors {
  readonly #children: ChildProcess[] = [];

  /** Starts one in each namespace; resolves when all listen. */
  async start(namespaces: readonly string[]): Promise<void> {
    const children = namespaces.map((netns) => run(netns, MIRROR));
    this.#children.push(...children);
    await Promise.all(children.map((child) => nextOutput(child)));
  }

  dispose(): void {
    for (const child of this.#children) child.kill();
  }
}

/** Under which address each of these sees a namespace; null for one that cannot be reached. */
export async function seenBy(
  netns: string,
  addresses: readonly string[],
): Promise<Readonly<Record<string, string | null>>> {
  return JSON.parse(await nextOutput(run(netns, LOOK, addresses)));
}

function run(netns: string, script: string, args: readonly string[] = []): ChildProcess {
  const argv = [`--net=${netns}`, process.execPath, "-e", script, ...args];
  return spawn("nsenter", argv, { stdio: ["ignore", "pipe", "inherit"] });
}

function nextOutput(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status) => reject(new Error(`A program ended with ${status} and said nothing`)));
    child.stdout?.once("data", (chunk) => resolve(String(chunk)));
  });
}
