import { CniError, reasonOf } from "../../src/cni/error.ts";

/** What file system errors mean for the leases, and the remedies. errno(3) */
const CAUSES: Readonly<Record<string, readonly [found: string, advice: string]>> = {
  ENOSPC: ["no space left on device", "free some space or inodes on that file system"],
  EDQUOT: ["disk quota exceeded", "free some space or raise the quota"],
  EROFS: [
    "read-only file system",
    "mount it writable, or, while no container runs, set ipam.dataDir to a writable folder",
  ],
  EACCES: ["permission denied", "run as root, or, while no container runs, set ipam.dataDir to a writable folder"],
  EPERM: ["operation not permitted", "run as root, or, while no container runs, set ipam.dataDir to a writable folder"],
  ENOTDIR: ["not a directory", "set ipam.dataDir to a folder, or move away the file that is in its place"],
  EEXIST: ["a file is in its place", "set ipam.dataDir to a folder, or move away the file that is in its place"],
  ELOOP: ["too many symbolic links", "set ipam.dataDir to a folder, or mend the link that is in its place"],
  ENAMETOOLONG: ["the name is too long", "give the network a shorter name, or set ipam.dataDir to a shorter path"],
  EIO: ["input/output error", "check the disk and the kernel's log"],
  EMFILE: ["too many open files", "raise the limit of open files"],
};

/**
 * The error for lease files that cannot be used. `action` completes "Cannot <action>" and names the path. If files disappeared since
 * (another call took over the lock of a stopped one, or the folder was cleared), it says to try again. A CniError is passed on unchanged.
 */
export function storeFailure(action: string, error: unknown): CniError {
  if (error instanceof CniError) return error;
  const text = reasonOf(error);
  if (errnoOf(error) === "ENOENT") {
    return new CniError("tryAgainLater", `Cannot ${action}: somebody has just removed it`, {
      details: "try again",
      cause: error,
    });
  }
  const [found, advice] = CAUSES[errnoOf(error) ?? ""] ?? [text, ""];
  return new CniError("leaseStore", `Cannot ${action}: ${found}`, { details: advice, cause: error });
}

/** The errno name of a failed system call, such as "ENOENT". */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
