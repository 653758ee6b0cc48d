// The tasks by name: those that ship, those of the application, and plain text for every other name.
import { PersonaPlugError } from '../lib/errors.ts';
import { newsCategory } from './news-category.ts';
import { newsHeadline } from './news-headline.ts';
import { paperTitle } from './paper-title.ts';
import { parseText, type Task } from './task.ts';

/** The tasks that the shipped plug was trained on. */
export const shippedTasks: readonly Task[] = [newsCategory, newsHeadline, paperTitle];

/** Finds a task by name. */
export type TaskRegistry = (name: string) => Task;

/**
 * Makes a registry of the shipped tasks and the application's own. For every other name it gives a task whose prompt is the input
 * itself.
 *
 * @throws PersonaPlugError `invalid-argument` when a name occurs twice, since a history would mix two tasks.
 */
export function createTaskRegistry(own: readonly Task[] = []): TaskRegistry {
  const tasks = new Map<string, Task>();
  for (const task of [...shippedTasks, ...own]) {
    if (tasks.has(task.name)) {
      throw new PersonaPlugError(
        'invalid-argument',
        `There are two tasks of the name ${JSON.stringify(task.name)}. Give the application's task another name.`,
        { details: { task: task.name } },
      );
    }
    tasks.set(task.name, task);
  }
  return (name) => tasks.get(name) ?? plainTask(name);
}

function plainTask(name: string): Task {
  return {
    name,
    prompt: (input) => input,
    retrievedItem: ({ input, output }) => `"${output}" is the answer for "${input}"`,
    retrievedLead: '. ',
    choices: null,
    maximumNewTokens: 128,
    parse: parseText,
  };
}
