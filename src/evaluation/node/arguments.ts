// Reads and checks the command line of `npm run evaluate`.
import { parseArgs } from 'node:util';
import { PersonaPlugError } from '../../lib/errors.ts';
import type { MeasuredSplit } from '../data/build-task.ts';

const usage = `npm run evaluate -- --tasks DIR --out DIR
  --tasks DIR              data: NAME.jsonl(.gz), or LaMP's *_questions.json with *_outputs.json
  --task NAME              only this task; may be repeated
  --methods a,b,…          which methods     (default: all that can be measured, except oppu-*)
  --split dev|test|all     users by hash; all: every user of the files   (default: dev)
  --users N                at most so many users a task                  (default: all)
  --queries N              at most so many queries a user                (default: 20)
  --history-sizes 0,1,2,…  also the persona of the user's newest n items, for each n
  --no-generate            score gold answers only, generate none
  --generated-queries N    generate answers to N queries of each text task, for ROUGE   (default: 0)
  --seed S                 of other users' histories, chosen queries, intervals      (default: 0)
  --models DIR             the model packages; may be repeated       (default: models, research-models)
  --plug NAME=DIR          another plug package as the method NAME; may be repeated
  --language-model NAME=DIR  another language model as the method none-NAME; may be repeated
  --cache DIR              where vectors and adapters are kept                     (default: OUT/cache)
  --out DIR                predictions.jsonl, run.json, report.json, report.html`;

export interface CommandArguments {
  readonly tasks: string;
  readonly task: readonly string[];
  readonly methods: readonly string[];
  readonly split: MeasuredSplit;
  readonly users: number | null;
  readonly queries: number;
  readonly historySizes: readonly number[];
  readonly generate: boolean;
  readonly generatedQueries: number;
  readonly seed: number;
  readonly models: readonly string[];
  readonly plugs: ReadonlyMap<string, string>;
  readonly languageModels: ReadonlyMap<string, string>;
  readonly cache: string | null;
  readonly out: string;
}

/**
 * Reads the arguments; gives the usage as a text where `--help` is one of them.
 *
 * @throws PersonaPlugError `invalid-argument` with the usage.
 */
export function readArguments(argv: readonly string[]): CommandArguments | string {
  const values = parse(argv);
  if (values.help === true) return usage;
  const { tasks, out } = values;
  if (tasks === undefined || out === undefined) throw wrong(`--${tasks === undefined ? 'tasks' : 'out'} is missing`);
  const split = values.split ?? 'dev';
  if (split !== 'dev' && split !== 'test' && split !== 'all')
    throw wrong(`--split is ${split}; it is dev, test or all`);
  return {
    tasks,
    task: values.task ?? [],
    methods: listOf(values.methods),
    split,
    users: values.users === undefined ? null : whole('users', values.users, 1),
    queries: whole('queries', values.queries ?? '20', 1),
    historySizes: listOf(values['history-sizes']).map((size) => whole('history-sizes', size, 0)),
    generate: values['no-generate'] !== true,
    generatedQueries: whole('generated-queries', values['generated-queries'] ?? '0', 0),
    seed: whole('seed', values.seed ?? '0', 0),
    models: values.models ?? ['models', 'research-models'],
    plugs: pairs('plug', values.plug),
    languageModels: pairs('language-model', values['language-model']),
    cache: values.cache ?? null,
    out,
  };
}

function parse(argv: readonly string[]) {
  const text = { type: 'string' } as const;
  const texts = { type: 'string', multiple: true } as const;
  try {
    return parseArgs({
      args: [...argv],
      options: {
        tasks: text,
        task: texts,
        methods: text,
        split: text,
        users: text,
        queries: text,
        'history-sizes': text,
        'no-generate': { type: 'boolean' },
        'generated-queries': text,
        seed: text,
        models: texts,
        plug: texts,
        'language-model': texts,
        cache: text,
        out: text,
        help: { type: 'boolean' },
      },
    }).values;
  } catch (cause) {
    throw wrong(cause instanceof Error ? cause.message : 'unreadable arguments');
  }
}

function listOf(text: string | undefined): string[] {
  return (text ?? '').split(',').flatMap((part) => (part.trim() === '' ? [] : [part.trim()]));
}

function whole(name: string, text: string, minimum: number): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isSafeInteger(value) || value < minimum) {
    throw wrong(`--${name} is ${text}; it is a whole number of at least ${minimum}`);
  }
  return value;
}

function pairs(name: string, values: readonly string[] = []): Map<string, string> {
  return new Map(
    values.map((value) => {
      const at = value.indexOf('=');
      if (at < 1 || at === value.length - 1) throw wrong(`--${name} is ${value}; it has the form NAME=DIR`);
      return [value.slice(0, at), value.slice(at + 1)];
    }),
  );
}

function wrong(fact: string): PersonaPlugError {
  return new PersonaPlugError('invalid-argument', `${fact}.\n\n${usage}`);
}
