// Files of LaMP's form, written here, since the benchmark's own data may not be copied.
import { expect, test } from 'vitest';
import { dateOf, parseLamp } from './parse-lamp.ts';

const parse = (questions: unknown, outputs: unknown) =>
  parseLamp(
    { name: 'dev_questions.json', text: typeof questions === 'string' ? questions : JSON.stringify(questions) },
    { name: 'dev_outputs.json', text: typeof outputs === 'string' ? outputs : JSON.stringify(outputs) },
  );

const headline = {
  id: '110',
  input: 'Generate a headline for the following article: The bakery on our street closes.',
  profile: [
    { id: '1', text: 'A new bridge is built.', title: 'Across at last' },
    { id: '2', text: 'The fair is back.', title: 'Round and round' },
  ],
};
const golds = (task: string, output: string, id = '110'): object => ({ task, golds: [{ id, output }] });

test('user split: the profile is the history, the question the query', () => {
  expect(parse([headline], golds('LaMP_4', 'Last loaf'))).toEqual({
    task: 'news_headline',
    choices: null,
    users: [
      {
        user: '110',
        queries: [
          {
            id: '110',
            date: null,
            input: 'The bakery on our street closes.',
            output: 'Last loaf',
            history: [
              {
                id: '000000-1',
                date: null,
                task: 'news_headline',
                input: 'A new bridge is built.',
                output: 'Across at last',
              },
              {
                id: '000001-2',
                date: null,
                task: 'news_headline',
                input: 'The fair is back.',
                output: 'Round and round',
              },
            ],
          },
        ],
      },
    ],
  });
});

const dated = (id: string, date: string, dates: readonly string[]): object => ({
  ...headline,
  id,
  user_id: 7,
  date,
  profile: headline.profile.map((item, index) => ({ ...item, date: dates[index] })),
});

test('time split: dates order the profile, and one user may have several questions', () => {
  const questions = [dated('2', '2018-03-01', ['2017-5-9', '2016-11-20']), dated('1', '2018-02-01', ['2017', '2017'])];
  const { users } = parse(questions, { task: 'LaMP_4', golds: ['1', '2'].map((id) => ({ id, output: `gold ${id}` })) });
  expect(users).toHaveLength(1);
  expect(users[0]?.user).toBe('7');
  expect(users[0]?.queries.map(({ id, date }) => [id, date])).toEqual([
    ['1', '2018-02-01'],
    ['2', '2018-03-01'],
  ]);
  expect(users[0]?.queries[1]?.history.map(({ date, output }) => [date, output])).toEqual([
    ['2016-11-20', 'Round and round'],
    ['2017-05-09', 'Across at last'],
  ]);
  // A tie keeps the file's order.
  expect(users[0]?.queries[0]?.history.map(({ output }) => output)).toEqual(['Across at last', 'Round and round']);
});

test('every task is known by its name, task 2 by its fields', () => {
  const tasks = [
    ['LaMP_1', 'For an author … which reference is related?', { title: 't', abstract: 'a' }, '[1]', 'citation'],
    ['LaMP_2', 'Which tag … description: A film', { description: 'd', tag: 'comedy' }, 'comedy', 'movie_tag'],
    [
      'LaMP_2N',
      'Which category … article: News',
      { text: 'x', title: 't', category: 'sports' },
      'sports',
      'news_category',
    ],
    ['LaMP-3', 'What is the score … review: Fine', { text: 'x', score: 4 }, '4', 'movie_rating'],
    [
      'LaMP_5',
      'Generate a title for the following abstract of a paper: We show',
      { title: 't', abstract: 'a' },
      'T',
      'paper_title',
    ],
    ['LaMP_6', 'Generate a subject for the following email: Dear', { text: 'x', title: 't' }, 'S', 'email_subject'],
    [
      'LaMP_7',
      'Paraphrase the following tweet without any explanation before or after it: hi',
      { text: 'x' },
      'H',
      'tweet_paraphrase',
    ],
  ] as const;
  for (const [name, input, item, output, task] of tasks) {
    const parsed = parse([{ id: 1, input, profile: [{ id: 'p', ...item }] }], {
      task: name,
      golds: [{ id: 1, output }],
    });
    expect(parsed.task).toBe(task);
    expect(parsed.users[0]?.queries[0]?.history).toHaveLength(1);
  }
});

test.each([
  ['dev_questions.json', '<html><body>Not found</body></html>', golds('LaMP_4', 'x'), /HTML/u],
  ['dev_outputs.json', [headline], '\n  <!doctype html>', /HTML/u],
  ['dev_outputs.json', [headline], golds('LaMP_4', 'x', '111'), /110/u],
  ['dev_outputs.json', [headline], golds('LaMP_9', 'x'), /"LaMP_9".*text, title/u],
  ['dev_questions.json', [{ ...headline, input: 'Something else' }], golds('LaMP_4', 'x'), /110.*"article:"/u],
  ['dev_questions.json', { questions: [] }, golds('LaMP_4', 'x'), /\[\{"id", "input"/u],
])('a fault of %s is refused with the file and the value', (file, questions, outputs, named) => {
  expect(() => parse(questions, outputs)).toThrow(
    expect.objectContaining({ code: 'invalid-import', details: { file }, message: expect.stringMatching(named) }),
  );
});

test('dates of a year, of a month, and unpadded ones are read', () => {
  expect([2015, '2015', '2015-3', '2015-3-7', '2015-03-07T10:00', 'soon', null].map(dateOf)).toEqual([
    '2015-01-01',
    '2015-01-01',
    '2015-03-01',
    '2015-03-07',
    '2015-03-07T10:00',
    null,
    null,
  ]);
});
