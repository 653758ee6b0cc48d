import { expect, test } from 'vitest';
import { parseDate } from './parse-date.ts';

test.each([
  ['1970-01-02', 86_400_000],
  ['1970-01-01T00:00:01Z', 1_000],
  ['1970-01-01T00:00:01.5', 1_500],
  ['1970-01-01 01:00', 3_600_000],
  ['1970-01-01T01:00:00+01:00', 0],
  ['1970-01-01T01:00:00+0100', 0],
  ['1969-12-31T23:00:00-01', 0],
  ['2024-02-29', Date.UTC(2024, 1, 29)],
  ['0099-01-01', new Date('0099-01-01T00:00:00Z').getTime()],
])('%s is a date', (text, milliseconds) => {
  expect(parseDate(text)).toBe(milliseconds);
});

test.each(['', '2024', '2024-2-9', '2023-02-29', '2024-13-01', '2024-01-01T24:00', '01.02.2024', '2024-01-01x'])(
  '%j is none',
  (text) => {
    expect(parseDate(text)).toBeNull();
  },
);
