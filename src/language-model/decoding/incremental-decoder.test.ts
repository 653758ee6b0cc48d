import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createIncrementalDecoder } from './incremental-decoder.ts';

/** A tokenizer whose tokens are bytes: the hardest case for characters of several bytes. */
const decodeBytes = (ids: readonly number[]): string =>
  new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(ids));

describe('createIncrementalDecoder', () => {
  test('holds a character back until it is complete', () => {
    const decoder = createIncrementalDecoder(decodeBytes);
    const deltas = Array.from(new TextEncoder().encode('a€b'), (byte) => decoder.push(byte));
    expect(deltas).toEqual(['a', '', '', '€', 'b']);
    expect(decoder.end()).toBe('');
  });

  test('the deltas together are the text, and none has half a character', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 30 }), (drawn) => {
        const text = drawn.replaceAll('\u{FFFD}', ''); // no half character if the text itself has it
        const decoder = createIncrementalDecoder(decodeBytes);
        const deltas = Array.from(new TextEncoder().encode(text), (byte) => decoder.push(byte));
        for (const delta of deltas) expect(delta).not.toContain('\u{FFFD}');
        expect(deltas.join('') + decoder.end()).toBe(text);
      }),
    );
  });

  test('bytes that are not text become replacement characters, and none is lost', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 30 }), (bytes) => {
        const decoder = createIncrementalDecoder(decodeBytes);
        const deltas = Array.from(bytes, (byte) => decoder.push(byte));
        expect(deltas.join('') + decoder.end()).toBe(decodeBytes(Array.from(bytes)));
      }),
    );
  });

  test('gives a token the text that it has after another token', () => {
    const pieces = ['▁Hello', '▁dear', '▁world'];
    const decode = (ids: readonly number[]): string =>
      ids
        .map((id) => pieces[id] ?? '')
        .join('')
        .replaceAll('▁', ' ')
        .replace(/^ /, '');
    const decoder = createIncrementalDecoder(decode);
    expect([0, 1, 2].map((id) => decoder.push(id))).toEqual(['Hello', ' dear', ' world']);
  });
});
