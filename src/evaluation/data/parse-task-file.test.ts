import { expect, test } from 'vitest';
import { rebuiltTask } from './build-task.ts';
import { parseTaskFile } from './parse-task-file.ts';

const options = { file: 'own.jsonl', task: 'own', queries: 20 };
const item = (id: string, date?: string): object => ({
  id,
  ...(date === undefined ? {} : { date }),
  input: `in ${id}`,
  output: `out ${id}`,
});
const line = (items: readonly object[], user = 'ann'): string => JSON.stringify({ user, items });
const read = (text: string, replaced: Partial<typeof options> = {}) => parseTaskFile(text, { ...options, ...replaced });

test('the last half are queries, each with the history before it', () => {
  const [user] = read(line([item('a'), item('b'), item('c'), item('d'), item('e')]));
  expect(user?.queries.map(({ input, history }) => [input, history.map(({ input }) => input)])).toEqual([
    ['in d', ['in a', 'in b', 'in c']],
    ['in e', ['in a', 'in b', 'in c', 'in d']],
  ]);
  expect(read(line([item('a'), item('b'), item('c'), item('d')]), { queries: 1 })[0]?.queries).toHaveLength(1);
});

test('items go by date, and by their place in the file where dates tie, whatever their ids', () => {
  const items = [item('z', '2020-01-01'), item('y', '2020-01-01'), item('x', '2020-01-01'), item('w', '2019-05-05')];
  const [user] = read(line(items));
  expect(user?.queries.map(({ input }) => input)).toEqual(['in y', 'in x']);
  const history = user?.queries[1]?.history ?? [];
  expect(history.map(({ input }) => input)).toEqual(['in w', 'in z', 'in y']);
  // The engine sorts by date and id: the ids must give the same order.
  const ids = history.map(({ id }) => id);
  expect(ids).toEqual(ids.toSorted());
});

test('undated items come first, and times of a day count', () => {
  const items = [item('b', '2020-01-01T10:00'), item('a', '2020-01-01T09:00'), item('c'), item('d', '2020-01-02')];
  expect(read(line(items))[0]?.queries[1]?.history.map(({ input }) => input)).toEqual(['in c', 'in a', 'in b']);
});

test('a user of one item has no query', () => {
  expect(read(`${line([item('a')], 'bob')}\n${line([item('a'), item('b')])}\n`).map(({ user }) => user)).toEqual([
    'ann',
  ]);
  expect(() => read(line([item('a')]))).toThrow(
    expect.objectContaining({ code: 'invalid-import', details: { file: 'own.jsonl' } }),
  );
});

const good = line([item('a'), item('b')]);

test.each([
  [1, '<!DOCTYPE html><html></html>', /HTML/u],
  [2, `${good}\n{"user": 1}`, /user: /u],
  [2, `${good}\n{"user"`, /JSON/u],
  [2, `${good}\n${good}`, /"ann"/u],
  [1, line([item('a', 'yesterday'), item('b')]), /items\.0\.date/u],
])('a fault in line %i is refused with file, line and value: %s', (number, text, named) => {
  const where = `own.jsonl, line ${number},`;
  expect(() => read(text)).toThrow(
    expect.objectContaining({
      code: 'invalid-import',
      details: { file: where },
      message: expect.stringMatching(named),
    }),
  );
});

test('a task has its known answers, and a file with another answer is refused', () => {
  const users = read(line([item('a'), { id: 'b', input: 'in', output: '4' }]), { task: 'movie_rating' });
  expect(rebuiltTask('movie_rating', 'f.jsonl', users)).toMatchObject({
    kind: 'rating',
    choices: ['1', '2', '3', '4', '5'],
  });
  expect(() => rebuiltTask('news_category', 'f.jsonl', users)).toThrow(
    expect.objectContaining({ code: 'invalid-import', message: expect.stringMatching(/f\.jsonl.*"4".*ann.*29/u) }),
  );
  expect(rebuiltTask('movie_tag', 'f.jsonl', users)).toMatchObject({ kind: 'category', choices: ['4', 'out a'] });
  expect(rebuiltTask('anything', 'f.jsonl', users)).toMatchObject({ kind: 'text', choices: null });
});
