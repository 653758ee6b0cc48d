// The code of the error that something ends with.
import { PersonaPlugError } from '../../src/lib/errors.ts';

/** An error without a code is told by its name; `none` without an error; `reason` stands for the very object that an abort gave. */
export async function codeOf(run: () => Promise<unknown>, reason?: unknown): Promise<string> {
  try {
    await run();
    return 'none';
  } catch (error) {
    if (reason !== undefined && error === reason) return 'reason';
    if (PersonaPlugError.isInstance(error)) return error.code;
    return error instanceof Error ? error.name : String(error);
  }
}
