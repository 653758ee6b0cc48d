// The exact wording of LaMP's profile prompts, and what each task accepts as an answer.
import { describe, expect, test } from 'vitest';
import { citation, citationQuestion } from './citation.ts';
import { emailSubject } from './email-subject.ts';
import { lampTasks } from './lamp-tasks.ts';
import { movieRating } from './movie-rating.ts';
import { lampMovieTags, movieTagTask } from './movie-tag.ts';
import { newsCategory } from './news-category.ts';
import { newsHeadline } from './news-headline.ts';
import { paperTitle } from './paper-title.ts';
import { promptText, type Task } from './task.ts';
import { createTaskRegistry, shippedTasks } from './task-registry.ts';
import { tweetParaphrase } from './tweet-paraphrase.ts';

const question = citationQuestion({ title: 'On Tides', references: ['Moons', 'Shores'] });
const retrieved = [
  { input: 'in 1', output: 'out 1' },
  { input: 'in 2', output: 'out 2' },
];

interface Wording {
  readonly task: Task;
  readonly input: string;
  readonly plain: string;
  readonly one: string;
  readonly two: string;
}

const wordings: readonly Wording[] = [
  {
    task: citation,
    input: question,
    plain:
      'For an author who has written the paper with the title "On Tides", which reference is related? ' +
      'Just answer with [1] or [2] without explanation. [1]: "Moons" [2]: "Shores"',
    one:
      'For an author who has written the paper with the title "out 1", and "On Tides", which reference is related? ' +
      'Just answer with [1] or [2] without explanation. [1]: "Moons" [2]: "Shores"',
    two:
      'For an author who has written the paper with the title "out 1", and "out 2", and "On Tides", which reference is related? ' +
      'Just answer with [1] or [2] without explanation. [1]: "Moons" [2]: "Shores"',
  },
  {
    task: movieTagTask(),
    input: 'X',
    plain: 'Which tag does this movie relate to? description: X',
    one: 'the tag for the movie: "in 1" is "out 1". Which tag does this movie relate to? description: X',
    two:
      'the tag for the movie: "in 1" is "out 1", and the tag for the movie: "in 2" is "out 2". ' +
      'Which tag does this movie relate to? description: X',
  },
  {
    task: newsCategory,
    input: 'X',
    plain: 'Which category does this article relate to? article: X',
    one: 'the category for the article: "in 1" is "out 1". Which category does this article relate to? article: X',
    two:
      'the category for the article: "in 1" is "out 1", and the category for the article: "in 2" is "out 2". ' +
      'Which category does this article relate to? article: X',
  },
  {
    task: movieRating,
    input: 'X',
    plain:
      'What is the score of the following review on a scale of 1 to 5? just answer with 1, 2, 3, 4, or 5 without further explanation. review: X',
    one:
      'out 1 is the score for "in 1". What is the score of the following review on a scale of 1 to 5? ' +
      'just answer with 1, 2, 3, 4, or 5 without further explanation. review: X',
    two:
      'out 1 is the score for "in 1", and out 2 is the score for "in 2". ' +
      'What is the score of the following review on a scale of 1 to 5? just answer with 1, 2, 3, 4, or 5 without further explanation. review: X',
  },
  {
    task: newsHeadline,
    input: 'X',
    plain: 'Generate a headline for the following article: X',
    one: '"out 1" is the title for "in 1". Generate a headline for the following article: X',
    two: '"out 1" is the title for "in 1", and "out 2" is the title for "in 2". Generate a headline for the following article: X',
  },
  {
    task: paperTitle,
    input: 'X',
    plain: 'Generate a title for the following abstract of a paper: X',
    one: '"out 1" is a title for "in 1". Following the given patterns Generate a title for the following abstract of a paper: X',
    two:
      '"out 1" is a title for "in 1", and "out 2" is a title for "in 2". ' +
      'Following the given patterns Generate a title for the following abstract of a paper: X',
  },
  {
    task: emailSubject,
    input: 'X',
    plain: 'Generate a subject for the following email: X',
    one: '"out 1" is the title for "in 1". Generate a subject for the following email: X',
    two: '"out 1" is the title for "in 1", and "out 2" is the title for "in 2". Generate a subject for the following email: X',
  },
  {
    task: tweetParaphrase,
    input: 'X',
    plain: 'Paraphrase the following tweet without any explanation before or after it: X',
    one:
      '"out 1" are written by a person. Following the given patterns ' +
      'Paraphrase the following tweet without any explanation before or after it: X',
    two:
      '"out 1", and "out 2" are written by a person. Following the given patterns ' +
      'Paraphrase the following tweet without any explanation before or after it: X',
  },
];

test.each(wordings)('$task.name', ({ task, input, plain, one, two }) => {
  expect(promptText(task, input)).toBe(plain);
  expect(promptText(task, input, retrieved.slice(0, 1))).toBe(one);
  expect(promptText(task, input, retrieved)).toBe(two);
  expect(promptText(task, input, [], 'A profile')).toBe(`A profile. ${plain}`);
  expect(promptText(task, input, retrieved, 'A profile')).toBe(`A profile. ${two}`);
});

test('every task of LaMP is tested here, and can be added to those that ship', () => {
  expect(lampTasks.map(({ name }) => name)).toEqual(wordings.map(({ task }) => task.name));
  const ours = new Set(shippedTasks.map(({ name }) => name));
  const tasks = createTaskRegistry(lampTasks.filter(({ name }) => !ours.has(name)));
  for (const { name } of lampTasks) expect(tasks(name).name).toBe(name);
});

test('earlier titles go before a citation question that names no title', () => {
  expect(promptText(citation, '[1] or [2]?', retrieved.slice(0, 1))).toBe('"out 1". [1] or [2]?');
});

describe('answers', () => {
  test.each([
    [citation, ' [2]\n', '[2]'],
    [citation, '2', null],
    [movieRating, '4', '4'],
    [movieRating, ' 4.0 ', '4'],
    [movieRating, '0', null],
    [movieRating, '4 stars', null],
    [movieRating, '45', null],
    [movieTagTask(), 'dark comedy ', 'dark comedy'],
    [movieTagTask(), 'dark', null],
    [movieTagTask(['dark']), 'dark', 'dark'],
    [emailSubject, ' Lunch? ', 'Lunch?'],
    [tweetParaphrase, ' ', null],
  ] as const)('%o reads %j as %j', (task, text, answer) => {
    expect(task.parse(text)).toBe(answer);
  });

  test('every fixed choice reads back as itself', () => {
    for (const task of lampTasks) for (const choice of task.choices ?? []) expect(task.parse(choice)).toBe(choice);
    expect(lampMovieTags).toHaveLength(15);
  });

  test.each([[[]], [['a', ' ']], [['a', 'a']]])('tags %j are refused', (tags) => {
    expect(() => movieTagTask(tags)).toThrow(
      expect.objectContaining({ code: 'invalid-argument', message: expect.stringContaining(JSON.stringify(tags)) }),
    );
  });
});
