import { connectUnix } from "../../src/linux/unix-stream.ts";
import { LinuxError } from "../../src/platform/errno.ts";
import { ignoring } from "../../src/platform/outcome.ts";

/**
 * Tells the daemon that there is a lease to renew; systemd starts it if it does not run. Without a daemon nothing happens: the lease
 * holds for its time.
 */
export function wakeDaemon(socket: string): void {
  ignoring([LinuxError], () => connectUnix(socket, { atOnce: true }).close());
}
