// Markers, which represent soft prompts in a text: two private-use characters around the hook's name and a serial number.
import { PersonaPlugError } from '../../../lib/errors.ts';

const open = '\u{E0F0}';
const close = '\u{E0F1}';
const anyDelimiter = /[\u{E0F0}\u{E0F1}]/gu;
const marker = /\u{E0F0}([0-9a-z]+)-([0-9]+)\u{E0F1}/u;

/** What a marker names: the hook that made it and the serial number of the slot. */
export interface MarkerName {
  readonly hook: string;
  readonly serial: number;
}

export type MarkedPart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'marker'; readonly name: MarkerName };

/** The marker of a slot. */
export function formatMarker({ hook, serial }: MarkerName): string {
  return `${open}${hook}-${serial}${close}`;
}

/**
 * Removes everything that could be read as a marker. Use it for every text that the application did not write, before the text becomes
 * part of a message.
 *
 * @example
 * ```ts
 * const content = `${persona.marker}\n${sanitizeUserText(input.value)}`;
 * ```
 */
export function sanitizeUserText(text: string): string {
  return text.replace(anyDelimiter, '');
}

/** Whether a text may contain markers; most do not and need no splitting. */
export function mayHoldMarkers(text: string): boolean {
  return text.search(anyDelimiter) >= 0;
}

/**
 * Splits a text at its markers. Empty texts are left out.
 *
 * @throws PersonaPlugError `invalid-prompt` for a delimiter that belongs to no whole marker: a marker that was cut in two would
 * silently drop a persona.
 */
export function splitAtMarkers(text: string): MarkedPart[] {
  const parts: MarkedPart[] = [];
  // Capture groups are kept by split: text, hook, serial, text, hook, serial, … text.
  const pieces = text.split(marker);
  for (let index = 0; index < pieces.length; index += 3) {
    const [plain = '', hook, serial] = pieces.slice(index, index + 3);
    if (mayHoldMarkers(plain)) throw brokenMarker();
    if (plain !== '') parts.push({ kind: 'text', text: plain });
    if (hook !== undefined && serial !== undefined) {
      parts.push({ kind: 'marker', name: { hook, serial: Number(serial) } });
    }
  }
  return parts;
}

function brokenMarker(): PersonaPlugError {
  return new PersonaPlugError(
    'invalid-prompt',
    'A text holds U+E0F0 or U+E0F1 outside of a whole soft-prompt marker. Pass user text through sanitizeUserText(), and do not cut markers.',
  );
}
