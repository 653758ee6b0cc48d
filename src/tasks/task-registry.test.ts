import { expect, test } from 'vitest';

import { newsCategories } from './news-category.ts';
import { createTaskRegistry, shippedTasks } from './task-registry.ts';
import { promptText } from './task.ts';

const tasks = createTaskRegistry();
const retrieved = [
  { input: 'in 1', output: 'out 1' },
  { input: 'in {input}', output: 'out 2' },
];

test('the wording of each task, without and with earlier items', () => {
  expect(promptText(tasks('news_category'), 'A')).toBe('Which category does this article relate to? article: A');
  expect(promptText(tasks('news_headline'), 'A')).toBe('Generate a headline for the following article: A');
  expect(promptText(tasks('paper_title'), 'A')).toBe('Generate a title for the following abstract of a paper: A');
  expect(promptText(tasks('own'), 'A')).toBe('A');
  expect(promptText(tasks('news_category'), 'A', retrieved)).toBe(
    'the category for the article: "in 1" is "out 1", and the category for the article: "in {input}" is "out 2". ' +
      'Which category does this article relate to? article: A',
  );
  expect(promptText(tasks('news_headline'), 'A', retrieved.slice(0, 1))).toBe(
    '"out 1" is the title for "in 1". Generate a headline for the following article: A',
  );
  expect(promptText(tasks('paper_title'), 'A', retrieved.slice(0, 1))).toBe(
    '"out 1" is a title for "in 1". Following the given patterns Generate a title for the following abstract of a paper: A',
  );
});

test('there are 29 categories, sorted, and an answer must be exactly one of them', () => {
  expect(newsCategories).toHaveLength(29);
  expect([...newsCategories].sort()).toEqual(newsCategories);
  expect(tasks('news_category').parse(' Tech ')).toBe('Tech');
  expect(tasks('news_category').parse('Techno')).toBeNull();
  expect(tasks('news_headline').parse(' \n')).toBeNull();
});

test('an application can add tasks, but not redefine those that ship', () => {
  const [first] = shippedTasks;
  if (first === undefined) throw new Error('no tasks ship');
  const own = { ...first, name: 'tags', prompt: (input: string) => `Tag: ${input}` };
  expect(createTaskRegistry([own])('tags').prompt('x')).toBe('Tag: x');
  expect(() => createTaskRegistry([first])).toThrow(
    expect.objectContaining({ code: 'invalid-argument', details: { task: first.name } }),
  );
});
