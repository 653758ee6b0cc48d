// Files of JSON lines to which results are appended. A last line that a killed run left incomplete is cut off.
import { appendFileSync, existsSync, readFileSync, truncateSync } from 'node:fs';
import * as v from 'valibot';
import { PersonaPlugError } from '../../lib/errors.ts';

/** Appends a line at once, so that a killed run loses at most the line that it was writing. */
export function appendLine(file: string, value: unknown): void {
  appendFileSync(file, `${JSON.stringify(value)}\n`);
}

/**
 * Reads the lines of a file; none where there is no file. `what` is the name of a line's content, for messages.
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
  // A killed run left the last line without its end.
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
          `${file}, line ${index + 1}, is not a ${what}. Delete the line, or give another folder (--out).`,
          { cause, details: { file, line: index + 1 } },
        );
      }
    });
}
