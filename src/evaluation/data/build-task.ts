// Makes a task that can be measured from the content of a data file: its answers, and the users of one split.
import { PersonaPlugError } from '../../lib/errors.ts';
import { lampTasks } from '../../tasks/lamp-tasks.ts';
import { lampMovieTags } from '../../tasks/movie-tag.ts';
import { kindOf } from '../../tasks/task-metrics.ts';
import type { EvaluationTask, EvaluationUser } from './evaluation-task.ts';
import type { LampTask } from './parse-lamp.ts';
import { splitOfUser } from './split-of-user.ts';

/** Which users are measured; `all`: every user of the file. Users of `train_a` and `train_b` are not measured, since the models were trained on them. */
export type MeasuredSplit = 'dev' | 'test' | 'all';

/** The task of a task file. Its name decides its answers: film tags are those that the file uses, an unknown name is free text. */
export function rebuiltTask(task: string, source: string, users: readonly EvaluationUser[]): EvaluationTask {
  const choices = task === 'movie_tag' ? 'data' : (lampTasks.find(({ name }) => name === task)?.choices ?? null);
  return build({ task, source, origin: 'rebuilt', users }, choices);
}

/** The task of a pair of LaMP files. */
export function lampTask({ task, choices, users }: LampTask, source: string): EvaluationTask {
  return build({ task, source, origin: 'lamp', users }, choices);
}

function build(
  parts: Pick<EvaluationTask, 'task' | 'source' | 'origin' | 'users'>,
  choices: readonly string[] | 'data' | null,
): EvaluationTask {
  const answers = choices === 'data' ? choicesOf(parts.users) : choices;
  if (answers !== null) assertAnswers(parts, answers);
  return { ...parts, choices: answers, kind: kindOf(answers) };
}

/** The labels that occur, sorted; LaMP's 15 tags where no others occur. */
function choicesOf(users: readonly EvaluationUser[]): readonly string[] {
  const labels = new Set<string>();
  for (const { queries } of users) {
    for (const { output, history } of queries) {
      labels.add(output);
      for (const item of history) labels.add(item.output);
    }
  }
  if ([...labels].every((label) => lampMovieTags.some((tag) => tag === label))) return lampMovieTags;
  return [...labels].sort();
}

function assertAnswers(
  { task, source, users }: Pick<EvaluationTask, 'task' | 'source' | 'users'>,
  choices: readonly string[],
): void {
  const known = new Set(choices);
  for (const { user, queries } of users) {
    const wrong = queries.find(({ output }) => !known.has(output));
    if (wrong === undefined) continue;
    throw new PersonaPlugError(
      'invalid-import',
      `${source} holds the answer ${JSON.stringify(wrong.output.slice(0, 60))} (user ${user}), which is none of the ` +
        `${choices.length} answers of ${task}. Correct the file, or name it after another task.`,
      { details: { file: source, task } },
    );
  }
}

/** The users of a split, in the file's order. */
export async function usersOfSplit(
  users: readonly EvaluationUser[],
  split: MeasuredSplit,
): Promise<readonly EvaluationUser[]> {
  if (split === 'all') return users;
  const splits = await Promise.all(users.map(({ user }) => splitOfUser(user)));
  return users.filter((_, index) => splits[index] === split);
}
