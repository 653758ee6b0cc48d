import { describe, expect, test } from 'vitest';
import { ratingOf } from './rating.ts';
import type { MetricName } from '../../tasks/task-metrics.ts';
import { type Scored, statisticsOf } from './statistic.ts';

const choices = ['a', 'b', 'c'];

function valueOf(metric: MetricName, kind: 'category' | 'rating' | 'text', scored: readonly Scored[]): number {
  const statistic = statisticsOf(kind, kind === 'text' ? null : choices).get(metric);
  if (statistic === undefined) throw new Error(`${kind} has no ${metric}`);
  const sums = new Float64Array(statistic.width);
  for (const one of scored)
    for (const [index, value] of (statistic.sumsOf(one) ?? []).entries()) sums[index] = (sums[index] ?? 0) + value;
  return statistic.value(sums);
}

const answered = (gold: string, answer: string | null): Scored => ({ gold, answer, nll: 1, tokens: 1 });

describe('categories', () => {
  // scikit-learn: f1_score(gold, predicted, labels=[a, b, c], average='macro') = (2/3 + 0 + 0) / 3.
  const scored = [answered('a', 'a'), answered('a', 'b'), answered('b', null)];

  test('accuracy counts a missing answer as wrong', () => {
    expect(valueOf('accuracy', 'category', scored)).toBeCloseTo(1 / 3);
  });

  test('macro-F1 is the mean over all answers, and an answer that never occurs counts 0', () => {
    expect(valueOf('macroF1', 'category', scored)).toBeCloseTo(2 / 9);
    expect(
      valueOf(
        'macroF1',
        'category',
        choices.map((choice) => answered(choice, choice)),
      ),
    ).toBe(1);
  });
});

describe('ratings', () => {
  test('an unreadable one counts as 1 or 5, whichever is farther from the gold; at a tie 5', () => {
    expect(ratingOf(null, 4)).toBe(1);
    expect(ratingOf('good', 2)).toBe(5);
    expect(ratingOf('', 3)).toBe(5);
    expect(ratingOf('3.0', 5)).toBe(3);
  });

  test('mean absolute error and root mean square error', () => {
    const scored = [answered('5', '3'), answered('4', '4'), answered('2', null)];
    expect(valueOf('mae', 'rating', scored)).toBeCloseTo(5 / 3);
    expect(valueOf('rmse', 'rating', scored)).toBeCloseTo(Math.sqrt(13 / 3));
  });
});

test('nats a token weigh long answers more than nats an answer do', () => {
  const scored: Scored[] = [
    { gold: 'x', nll: 10, tokens: 10 },
    { gold: 'y', nll: 4, tokens: 2 },
  ];
  expect(valueOf('nll', 'text', scored)).toBe(7);
  expect(valueOf('nllPerToken', 'text', scored)).toBeCloseTo(14 / 12);
  expect(statisticsOf('text', null).get('rouge1')?.sumsOf({ gold: 'x', nll: 1, tokens: 1 })).toBeNull();
});
