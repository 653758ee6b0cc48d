// The code of the error that something ends with.
import { PersonaPlugError } from '../../src/lib/errors.ts';

/** `none` without an error; `reason` stands for the very object that an abort gave. */
export async function codeOf(run: () => Promise<unknown>, reason?: unknown): Promise<string> {
  try {
    await run();
    return 'none';
  } catch (error) {
    if (reason !== undefined && error === reason) return 'reason';
    return PersonaPlugError.isInstance(error) ? error.code : String(error);
  }
}
