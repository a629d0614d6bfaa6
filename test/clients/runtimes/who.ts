import fs from "node:fs";
import path from "node:path";
import type { Options, Sandbox } from "./sandbox.ts";

export const BUSYBOX = "/bin/busybox";

/** Command that serves an image's pages on port 80 of IPv4 and IPv6, or those of a folder. */
export function webServer(folder = "/"): string[] {
  return [BUSYBOX, "httpd", "-f", "-p", "80", "-h", path.join(folder, PAGES)];
}

/** Serves the pages of a folder from a namespace of the sandbox; when this returns, it listens. */
export function serve(sandbox: Sandbox, folder: string, options: Options): void {
  const script = '"$@" >/dev/null 2>&1 </dev/null';
  const server = [BUSYBOX, "httpd", "-p", "80", "-h", path.join(folder, PAGES)];
  sandbox.run(["bash", "-c", script, "bash", ...server], options);
}

/** Where the web server has its pages. */
export const PAGES = "/www";
const WHO = "/cgi-bin/who";

/** Writes what the web server shows: who is asked, and who asks. */
export function writePages(folder: string): void {
  const file = path.join(folder, PAGES, WHO);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  const script = `#!${BUSYBOX} sh\nprintf 'Content-Type: text/plain\\r\\n\\r\\n'; echo "$(hostname) $REMOTE_ADDR"\n`;
  fs.writeFileSync(file, script, { mode: 0o755 });
}

export interface Who {
  /** Host name of the machine that answers. */
  readonly name: string;
  /** The address that it sees. */
  readonly client: string;
}

/** Command that asks the web server at an address, with its port where that is not 80, from inside a container. `readWho` reads what it prints. */
export function askWho(address: string, seconds = 20): string[] {
  // Debian's static wget ends in a segmentation fault when it is told a timeout, and where there is a libc of another version.
  return [BUSYBOX, "timeout", String(seconds), "wget", "-q", "-O", "-", `http://${address}${WHO}`];
}

export function readWho(printed: string): Who {
  const [name = "", client = ""] = printed.trim().split(" ");
  return { name, client: client.replace(/^\[(?:::ffff:)?(.*)\]$/, "$1") };
}

/** Asks from the sandbox's host, or from a namespace of it. @throws Error where nobody answers */
export function who(sandbox: Sandbox, address: string, options: Options = {}): Who {
  return readWho(sandbox.run(curl(address), options));
}

/** Asks by one interface, or from one address. @throws Error where nobody answers */
export function askFrom(sandbox: Sandbox, address: string, { from, ...options }: Options & { from: string }): Who {
  return readWho(sandbox.run([...curl(address), "--interface", from], options));
}

function curl(address: string): string[] {
  return ["curl", "--silent", "--show-error", "--max-time", "20", `http://${address}${WHO}`];
}
