import { CniError } from "../../../src/cni/error.ts";

/** What a call throws, as far as a caller sees it. Fails where it throws nothing or no CniError. */
export function refusal(act: () => unknown): { code: number; message: string } {
  try {
    act();
  } catch (error) {
    if (error instanceof CniError) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error("Expected an error, but the call succeeded");
}
