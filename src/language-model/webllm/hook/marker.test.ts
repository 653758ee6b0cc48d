import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatMarker, mayHoldMarkers, sanitizeUserText, splitAtMarkers } from './marker.ts';

const plainText = fc.string({ unit: 'grapheme' }).filter((text) => !mayHoldMarkers(text));
const markerName = fc.record({
  hook: fc.stringMatching(/^[0-9a-z]{1,12}$/),
  serial: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
});

describe('markers', () => {
  test('are found in any text as they were written', () => {
    const parts = fc.array(
      fc.oneof(
        plainText.filter((text) => text !== ''),
        markerName,
      ),
    );
    fc.assert(
      fc.property(parts, (given) => {
        // Two adjacent texts are read as one.
        const expected: (string | object)[] = [];
        for (const part of given) {
          const last = expected.at(-1);
          if (typeof part === 'string' && typeof last === 'string') expected[expected.length - 1] = last + part;
          else expected.push(part);
        }
        const text = given.map((part) => (typeof part === 'string' ? part : formatMarker(part))).join('');
        expect(splitAtMarkers(text).map((part) => (part.kind === 'text' ? part.text : part.name))).toEqual(expected);
      }),
    );
  });

  test('are never found in sanitized text', () => {
    const hostile = fc.array(
      fc.oneof(plainText, markerName.map(formatMarker), fc.constantFrom('\u{E0F0}', '\u{E0F1}')),
    );
    fc.assert(
      fc.property(hostile, (pieces) => {
        const clean = sanitizeUserText(pieces.join(''));
        expect(mayHoldMarkers(clean)).toBe(false);
        expect(splitAtMarkers(clean)).toEqual(clean === '' ? [] : [{ kind: 'text', text: clean }]);
        expect(sanitizeUserText(clean)).toBe(clean);
      }),
    );
  });

  test('a text without delimiters is not changed by sanitizing', () => {
    fc.assert(fc.property(plainText, (text) => sanitizeUserText(text) === text));
  });

  test.each([
    ['only opened', '\u{E0F0}a-1'],
    ['only closed', 'a-1\u{E0F1}'],
    ['nested', '\u{E0F0}a-\u{E0F0}b-1\u{E0F1}'],
    ['without a serial number', '\u{E0F0}a\u{E0F1}'],
  ])('a broken marker (%s) is an error', (_, text) => {
    expect(() => splitAtMarkers(text)).toThrowError(expect.objectContaining({ code: 'invalid-prompt' }));
  });
});
