// Task files: one user a line, `{"user", "items": [{"id", "date"?, "input", "output"}]}`. A user's last items become the queries.
import * as v from 'valibot';
import type { HistoryItem } from '../../history/history-item.ts';
import { parseDate } from '../../lib/parse-date.ts';
import type { EvaluationUser } from './evaluation-task.ts';
import { inOrder, toHistoryItem } from './history-order.ts';
import { invalidData, parseJson } from './parse-json.ts';

const words = v.pipe(
  v.string(),
  v.check((text) => text.trim() !== '', 'is empty'),
);
const date = v.pipe(
  v.string(),
  v.check((text) => parseDate(text) !== null, 'is not a date; write YYYY-MM-DD or ISO 8601'),
);
const lineSchema = v.object({
  user: words,
  items: v.array(v.object({ id: v.optional(v.string()), date: v.nullish(date, null), input: words, output: words })),
});

export interface TaskFileOptions {
  /** For messages. */
  readonly file: string;
  readonly task: string;
  /** Queries a user at most: of n items, the last min(queries, ⌊n/2⌋). */
  readonly queries: number;
}

/**
 * Reads a task file. Users with fewer than two items have no query and are left out.
 *
 * @throws PersonaPlugError `invalid-import` naming the file, the line, the fact and the remedy.
 */
export function parseTaskFile(text: string, { file, task, queries }: TaskFileOptions): EvaluationUser[] {
  const users = new Map<string, EvaluationUser>();
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const where = `${file}, line ${index + 1},`;
    const parsed = v.safeParse(lineSchema, parseJson(line, where));
    if (!parsed.success) throw invalidLine(where, parsed.issues[0]);
    const { user, items } = parsed.output;
    if (users.has(user)) {
      throw invalidData(where, `holds the user ${JSON.stringify(user)} again`, "Put all of a user's items on one line");
    }
    const stored = inOrder(items).map((item, position) => toHistoryItem(item, task, position));
    const built = userOf(user, stored, queries);
    if (built !== null) users.set(user, built);
  }
  if (users.size === 0) {
    throw invalidData(
      file,
      'holds no user with two items or more',
      'Give a file of one user a line, see docs/evaluation.md',
    );
  }
  return [...users.values()];
}

function invalidLine(where: string, issue: v.BaseIssue<unknown>): Error {
  const field = v.getDotPath(issue) ?? 'the line';
  return invalidData(
    where,
    `does not have the form of a task file: ${field}: ${issue.message}`,
    'Write {"user", "items": [{"id", "date", "input", "output"}]}, one user a line',
  );
}

function userOf(user: string, items: readonly HistoryItem[], queries: number): EvaluationUser | null {
  const count = Math.min(queries, Math.floor(items.length / 2));
  if (count < 1) return null;
  const first = items.length - count;
  return {
    user,
    queries: items.slice(first).map(({ id, date, input, output }, index) => ({
      id,
      date,
      input,
      output,
      history: items.slice(0, first + index),
    })),
  };
}
