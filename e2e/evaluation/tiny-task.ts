// A task, written here, that is small enough for a browser on a busy machine.
import { type EvaluationTask, parseTaskFile, rebuiltTask } from '../../src/evaluation/index.ts';

const articles: readonly (readonly [string, string, readonly string[]])[] = [
  ['ann', 'Politics', ['a vote on the harbour bill', 'the mayor and the bridge', 'a speech on taxes']],
  ['bob', 'Food & Drink', ['bread without kneading', 'soup for cold days', 'the best plums']],
];

/** Two users with one query each. */
export function tinyTask(): EvaluationTask {
  const lines = articles.map(([user, output, inputs]) =>
    JSON.stringify({ user, items: inputs.map((input, index) => ({ id: `${index}`, input, output })) }),
  );
  const users = parseTaskFile(lines.join('\n'), { file: 'tiny.jsonl', task: 'news_category', queries: 1 });
  return rebuiltTask('news_category', 'tiny.jsonl', users);
}

/** Methods that cover the model with and without a persona, retrieval, and none. */
export const tinyMethods = ['none', 'persona-open', 'shuffled', 'bm25-1', 'neighbours'];
