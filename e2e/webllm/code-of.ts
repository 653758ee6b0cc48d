// The code of the error that something ends with.
import { PersonaPlugError } from '../../src/lib/errors.ts';

/** The code of an error, or its name where it has none; `none` without an error; `reason` for the reason of the abort itself. */
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
