// Reads JSON that was downloaded, and says what the file holds where it is not JSON.
import { PersonaPlugError } from '../../lib/errors.ts';

/**
 * Parses `text`; `where` names the file, and the line where there is one.
 *
 * @throws PersonaPlugError `invalid-import` naming the file, the fact and the remedy.
 */
export function parseJson(text: string, where: string): unknown {
  // Some servers answer a wrong address with a page and the status 200, and the page is saved under the data's name.
  if (/^\s*<(?:!doctype|html|head|body|\?xml)/iu.test(text)) {
    throw invalidData(
      where,
      'holds an HTML page, not JSON: the server answered a wrong address with a page',
      'Check the address and download the file again',
    );
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : 'it cannot be parsed';
    throw invalidData(where, `is not JSON (${reason})`, 'Download or export the file again', cause);
  }
}

/** An error about a data file: where it is, the fact, and the remedy. */
export function invalidData(where: string, fact: string, remedy: string, cause?: unknown): PersonaPlugError {
  return new PersonaPlugError('invalid-import', `${where} ${fact}. ${remedy}.`, { cause, details: { file: where } });
}
