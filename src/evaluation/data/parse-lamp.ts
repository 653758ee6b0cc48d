// LaMP's own files (arXiv 2304.11406): `*_questions.json`, `[{id, input, profile: [{id, …}]}]`, in the time split with `user_id` and
// dates, and `*_outputs.json`, `{task, golds: [{id, output}]}`. The profile is the history, the question the query.
import * as v from 'valibot';
import type { EvaluationQuery, EvaluationUser } from './evaluation-task.ts';
import { inOrder, toHistoryItem } from './history-order.ts';
import { type LampForm, lampFormOf } from './lamp-forms.ts';
import { invalidData, parseJson } from './parse-json.ts';

const identifier = v.pipe(v.union([v.string(), v.number()]), v.transform(String));
const questionsSchema = v.array(
  v.object({
    id: identifier,
    input: v.string(),
    user_id: v.optional(identifier),
    date: v.optional(v.unknown()),
    profile: v.array(v.looseObject({ id: v.optional(identifier) })),
  }),
);
const outputsSchema = v.object({
  task: v.string(),
  golds: v.array(v.object({ id: identifier, output: v.union([v.string(), v.pipe(v.number(), v.transform(String))]) })),
});

type Question = v.InferOutput<typeof questionsSchema>[number];

export interface LampFile {
  /** For messages. */
  readonly name: string;
  readonly text: string;
}

export interface LampTask {
  readonly task: string;
  /** LaMP's fixed answers; `data`: the labels that occur; null for text. */
  readonly choices: LampForm['choices'];
  readonly users: EvaluationUser[];
}

/**
 * Reads a pair of LaMP files. Profile items with an empty field are left out.
 *
 * @throws PersonaPlugError `invalid-import` naming the file, the fact and the remedy: an HTML page, another form, an unknown task,
 * questions without gold answers.
 */
export function parseLamp(questionsFile: LampFile, outputsFile: LampFile): LampTask {
  const questions = read(questionsSchema, questionsFile, '[{"id", "input", "profile": [{"id", …}]}]');
  const { task: name, golds } = read(outputsSchema, outputsFile, '{"task", "golds": [{"id", "output"}]}');
  const answers = new Map(golds.map(({ id, output }) => [id, output.trim()]));
  const fields = new Set(questions.flatMap(({ profile }) => profile.slice(0, 1).flatMap((item) => Object.keys(item))));
  const form = lampFormOf(name, fields);
  if (form === null) {
    throw invalidData(
      outputsFile.name,
      `names the task ${JSON.stringify(name)} with profile fields ${[...fields].join(', ')}`,
      'Give the files of one of the tasks LaMP_1 to LaMP_7',
    );
  }
  const queriesOf = new Map<string, EvaluationQuery[]>();
  for (const question of questions) {
    const output = answers.get(question.id);
    if (output === undefined || output === '') {
      throw invalidData(
        outputsFile.name,
        `has no gold answer for the question ${question.id} of ${questionsFile.name}`,
        'Give the outputs of the same split; those of the test split are withheld by LaMP',
      );
    }
    const user = question.user_id ?? question.id;
    const queries = queriesOf.get(user) ?? [];
    queriesOf.set(user, queries);
    queries.push(queryOf(question, output, form, questionsFile.name));
  }
  const users = [...queriesOf].map(([user, queries]) => ({ user, queries: inOrder(queries) }));
  return { task: form.task, choices: form.choices, users };
}

function queryOf(question: Question, output: string, form: LampForm, file: string): EvaluationQuery {
  const input = form.inputOf(question.input);
  if (input === null || input.trim() === '') {
    throw invalidData(
      file,
      `holds the question ${question.id}, which has no text after "${form.landmark}"`,
      'Give the questions as LaMP publishes them',
    );
  }
  const items = question.profile.flatMap((entry) => {
    const pair = form.itemOf(entry);
    return pair === null ? [] : [{ id: entry.id, date: dateOf(entry['date']), ...pair }];
  });
  return {
    id: question.id,
    date: dateOf(question.date),
    input,
    output,
    history: inOrder(items).map((item, position) => toHistoryItem(item, form.task, position)),
  };
}

/** LaMP writes `2015-3-7`, `2015`, or the number 2015. Null where there is no date. */
export function dateOf(value: unknown): string | null {
  const text = typeof value === 'number' ? String(value) : value;
  if (typeof text !== 'string') return null;
  const match = /^(?<year>\d{4})(?:-(?<month>\d{1,2})(?:-(?<day>\d{1,2})(?<time>[T ].*)?)?)?$/u.exec(text.trim());
  if (match?.groups === undefined) return null;
  const { year = '', month = '1', day = '1', time } = match.groups;
  return `${year}-${month.padStart(2, '0')}-${day.padStart(2, '0')}${time ?? ''}`;
}

function read<T>(schema: v.GenericSchema<unknown, T>, { name, text }: LampFile, form: string): T {
  const parsed = v.safeParse(schema, parseJson(text, name));
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  throw invalidData(
    name,
    `does not have LaMP's form: ${v.getDotPath(issue) ?? 'the whole'}: ${issue.message}`,
    `Give a file of the form ${form}`,
  );
}
