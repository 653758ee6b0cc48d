// Files of JSON lines that are appended to as results come: what a kill leaves of the last line is cut off.
import { appendFileSync, existsSync, readFileSync, truncateSync } from 'node:fs';
import * as v from 'valibot';
import { PersonaPlugError } from '../../lib/errors.ts';

/** At once, so that a killed run has lost nothing but the line it was writing. */
export function appendLine(file: string, value: unknown): void {
  appendFileSync(file, `${JSON.stringify(value)}\n`);
}

/**
 * Reads the lines of a file; none where there is no file. `what` names one of them, for people.
 *
 * @throws PersonaPlugError `invalid-import` for a damaged line.
 */
export function readLines<const Schema extends v.GenericSchema>(
  file: string,
  schema: Schema,
  what: string,
): v.InferOutput<Schema>[] {
  if (!existsSync(file)) return [];
  const bytes = readFileSync(file);
  const end = bytes.lastIndexOf(0x0a) + 1;
  // A line without its end is one that a kill cut off.
  if (end < bytes.length) truncateSync(file, end);
  return bytes
    .subarray(0, end)
    .toString('utf8')
    .split('\n')
    .flatMap((line, index) => {
      if (line === '') return [];
      try {
        return [v.parse(schema, JSON.parse(line))];
      } catch (cause) {
        throw new PersonaPlugError(
          'invalid-import',
          `${file}, line ${index + 1}, is no ${what}. Delete the line, or give another folder (--out).`,
          { cause, details: { file, line: index + 1 } },
        );
      }
    });
}
