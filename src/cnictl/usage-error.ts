/** The command line is invalid. The answer is usage and exit code 2. */
export class UsageError extends Error {}
