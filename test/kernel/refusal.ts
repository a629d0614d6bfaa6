/** The kernel's refusal of a request: an error number, and where it has one, its explanation. */
export class Refusal extends Error {
  readonly errno: number;
  readonly text: string | undefined;

  constructor(errno: number, text?: string) {
    super(`refused with errno ${errno}`);
    this.errno = errno;
    this.text = text;
  }
}
