import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createStopStringFilter } from './stop-strings.ts';

const abText = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 30 });
const abStop = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 4 });

function filterAll(pieces: readonly string[], stops: readonly string[]): { text: string; isStopped: boolean } {
  const filter = createStopStringFilter(stops);
  let emitted = '';
  for (const piece of pieces) {
    const { text, isStopped } = filter.push(piece);
    emitted += text;
    if (isStopped) return { text: emitted, isStopped };
  }
  return { text: emitted + filter.end(), isStopped: false };
}

describe('createStopStringFilter', () => {
  test('finds a stop string that comes in pieces, and emits text that only began like one', () => {
    expect(filterAll(['one', '\n', '\n', 'two'], ['\n\n'])).toEqual({ text: 'one', isStopped: true });
    expect(filterAll(['one', '\n', 'two\n'], ['\n\n'])).toEqual({ text: 'one\ntwo\n', isStopped: false });
  });

  test('the result does not depend on how the text is cut', () => {
    fc.assert(
      fc.property(fc.array(abText, { maxLength: 6 }), fc.array(abStop, { maxLength: 3 }), (pieces, stops) => {
        expect(filterAll(pieces, stops)).toEqual(filterAll(Array.from(pieces.join('')), stops));
      }),
    );
  });

  test('a stop string is never emitted, and without one all text is', () => {
    fc.assert(
      fc.property(abText, fc.array(abStop, { maxLength: 3 }), (text, stops) => {
        const { text: emitted, isStopped } = filterAll(Array.from(text), stops);
        expect(text.startsWith(emitted)).toBe(true);
        expect(isStopped).toBe(stops.some((stop) => text.includes(stop)));
        for (const stop of stops) expect(emitted).not.toContain(stop);
        if (!isStopped) expect(emitted).toBe(text);
      }),
    );
  });

  test('refuses an empty stop string', () => {
    expect(() => createStopStringFilter([''])).toThrow(
      expect.objectContaining({ code: 'invalid-argument', message: expect.stringContaining('empty') }),
    );
  });
});
