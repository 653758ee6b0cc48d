import { expect, it } from 'vitest';
import { formatBytes, formatDuration, formatShare, taskTitle } from './format.ts';

it('writes bytes, durations, shares and tasks for people', () => {
  expect([17, 2_048, 14_900_000].map(formatBytes)).toEqual(['17 B', '2 KiB', '14.2 MiB']);
  expect([320, 4_200, 200_000].map(formatDuration)).toEqual(['320 ms', '4.2 s', '3 min']);
  expect([0, 0.0004, 0.123].map(formatShare)).toEqual(['0.0 %', '< 0.1 %', '12.3 %']);
  expect(taskTitle('news_headline')).toBe('News headline');
});
