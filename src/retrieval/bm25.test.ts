import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bm25Scores } from './bm25.ts';

const documents = [
  'The council votes on the new tram line tonight',
  'A tram line, a tram stop and a tram driver',
  'How to bake bread without an oven',
  'The oven that bakes the bread of the whole town',
  'the the the the',
  '',
  'Tonight: the town\u{a0}band plays\u{3000}in the park',
];

// Computed with training/data/retrieval.py.
const golden: readonly (readonly [string, readonly number[]])[] = [
  [
    'the tram line tonight',
    [3.5487710130131056, 1.1790016603577873, 0, 0.40676786149970373, 0.649312673325614, 0, 0.44296330680264345],
  ],
  ['bread oven bread', [0, 0, 2.3434026809588215, 1.960930222667615, 0, 0, 0]],
  ['Nothing shared here', [0, 0, 0, 0, 0, 0, 0]],
  ['', [0, 0, 0, 0, 0, 0, 0]],
  ['the town band', [0.2864091517956818, 0, 0, 1.0604112690555754, 0.649312673325614, 0, 2.5404464967167804]],
];

function expectClose(found: Float64Array, expected: readonly number[]): void {
  expect(found).toHaveLength(expected.length);
  // 1e-12: both sides are float64; only the order in which the mean idf is summed differs.
  for (const [index, value] of expected.entries()) expect(Math.abs((found[index] ?? NaN) - value)).toBeLessThan(1e-12);
}

describe('the numbers of training', () => {
  test.each(golden)('%j', (query, scores) => expectClose(bm25Scores(query, documents), scores));

  test('a collection so small that the mean idf is negative', () => {
    expectClose(bm25Scores('a b', ['a b', 'a']), [-0.1749389035254457, -0.23668204594619122]);
    expectClose(bm25Scores('a', ['a']), [-0.2746530721670274]);
  });

  test('an empty collection', () => {
    expect(bm25Scores('a', [])).toEqual(new Float64Array(0));
  });
});

const word = fc.constantFrom('tram', 'line', 'bread', 'oven', 'the', 'town', 'Tram');
const text = fc.array(word, { maxLength: 12 }).map((words) => words.join(' '));

test('a score does not depend on the position of its document, bit for bit', () => {
  fc.assert(
    fc.property(text, fc.array(text, { minLength: 1, maxLength: 12 }), fc.integer(), (query, texts, seed) => {
      const order = texts.map((_, index) => index).sort((a, b) => ((a * 7 + seed) % 11) - ((b * 7 + seed) % 11));
      const scores = bm25Scores(query, texts);
      const shuffled = bm25Scores(
        query,
        order.map((place) => texts[place] ?? ''),
      );
      expect([...shuffled]).toEqual(order.map((place) => scores[place]));
    }),
  );
});

test('white space between words changes nothing, and a repeated word of the query counts twice', () => {
  fc.assert(
    fc.property(text, fc.array(text, { maxLength: 8 }), (query, texts) => {
      const spaced = texts.map((one) => `\u{85} ${one.replaceAll(' ', ' \t\u{2003}')}\n`);
      const scores = bm25Scores(query, texts);
      expect(bm25Scores(query, spaced)).toEqual(scores);
      expectClose(
        bm25Scores(`${query} ${query}`, texts),
        Array.from(scores, (score) => 2 * score),
      );
    }),
  );
});
