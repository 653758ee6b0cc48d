// `npm run evaluate`: measures, writes every prediction to disk as it is made, and writes the report.
import { createHash } from 'node:crypto';
import path from 'node:path';
import { PersonaPlugError } from '../../lib/errors.ts';
import type { EvaluationTask } from '../data/evaluation-task.ts';
import { createFolderModelSource } from '../../model-package/folder-model-source.ts';
import { evaluate } from '../evaluate.ts';
import { loadEvaluationModels } from '../load-evaluation-models.ts';
import type { Method } from '../method.ts';
import { noneWith } from '../methods/none-all.ts';
import { personaOfNewest } from '../methods/persona.ts';
import { plugPackage } from '../methods/plug-package.ts';
import { methods as registered, oppuMethods } from '../methods/registry.ts';
import type { Prediction } from '../prediction.ts';
import type { TrainingCost } from '../training/training-cost.ts';
import { type CommandArguments, readArguments } from './arguments.ts';
import { openCosts } from './costs-file.ts';
import { openVectorFile } from './vector-file.ts';
import { packagePlaces } from './package-places.ts';
import { openPredictions, type RunSettings } from './predictions-file.ts';
import { readTasks } from './read-tasks.ts';
import { openAdapterFiles } from './adapter-files.ts';
import { writeReport } from './report/write-report.ts';

/** The terminal that the command runs in. */
export interface CommandTerminal {
  readonly say: (sentence: string) => void;
  readonly progress: (done: number, total: number, label: string) => void;
  readonly signal: AbortSignal;
}

/** Runs the command; resolves with its exit status. */
export async function main(argv: readonly string[], { say, progress, signal }: CommandTerminal): Promise<number> {
  const options = readArguments(argv);
  if (typeof options === 'string') {
    say(options);
    return 0;
  }
  const methods = methodsOf(options);
  const tasks = await readTasks(options.tasks, { queries: options.queries, only: options.task });
  // Users of another task are drawn from all tasks of the folder, so that the choice does not depend on which tasks are measured.
  const needsOthers = options.task.length > 0 && methods.some(({ name }) => name === 'irrelevant');
  const otherTasks = needsOthers ? await readTasks(options.tasks, { queries: options.queries }) : tasks;

  const cache = options.cache ?? path.join(options.out, 'cache');
  await using loaded = await loadEvaluationModels({
    models: createFolderModelSource(...options.models),
    plugs: packagePlaces(options.plugs),
    languageModels: packagePlaces(options.languageModels),
    vectorCache: (embedder) => openVectorFile(embedder, cache),
    adapterCache: openAdapterFiles(cache),
    device: 'wasm',
    signal,
  });
  const settings = settingsOf(options, otherTasks, loaded.fingerprints);
  const file = openPredictions(options.out, settings);
  const costs = openCosts(options.out);
  const predictions: Prediction[] = [...file.earlier];
  const skipped: { task: string; method: string; reason: string }[] = [];
  const started = process.cpuUsage();
  let [total, made] = [0, 0];
  let isStopped = false;
  try {
    const events = evaluate({
      models: loaded.models,
      tasks,
      otherTasks,
      methods,
      split: options.split,
      ...(options.users === null ? {} : { users: options.users }),
      seed: options.seed,
      generate: options.generate,
      generatedQueries: options.generatedQueries,
      done: file.earlier,
      signal,
    });
    for await (const event of events) {
      if (event.type === 'skipped') {
        skipped.push({ task: event.task, method: event.method, reason: event.reason });
        say(`Skipped ${event.method} on ${event.task}: ${event.reason}.`);
      } else if (event.type === 'start') {
        total = event.left;
        say(`${event.total} predictions, ${event.total - event.left} of them from earlier runs.`);
      } else if (event.type === 'trained') {
        if (costs.append(event.cost)) say(trainedLine(event.cost));
      } else {
        file.append(event.prediction);
        predictions.push(event.prediction);
        made += 1;
        progress(made, total, `${event.prediction.task} ${event.prediction.method}`);
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    isStopped = true;
  }
  const { user, system } = process.cpuUsage(started);
  const cpuSeconds = (user + system) / 1e6;
  if (isStopped) {
    say(`Stopped. ${predictions.length} predictions are in ${options.out}; run the same command again to continue.`);
    return 130;
  }
  const cost = { predictions: made, cpuSeconds };
  const written = await writeReport({
    options,
    settings,
    tasks,
    predictions,
    costs: costs.costs,
    methods,
    skipped,
    cost,
  });
  for (const line of written.lines) say(line);
  if (made > 0) say(`${cpuSeconds.toFixed(1)} s of CPU, ${((cpuSeconds / made) * 1000).toFixed(0)} ms a prediction.`);
  say(`Report: ${written.html}`);
  return 0;
}

function trainedLine({ task, user, method, result, seconds, items, bytes }: TrainingCost): string {
  const results = {
    kept: `kept, ${(bytes / 1024).toFixed(0)} KiB`,
    'no-gain': 'not kept: the held-out items got no better',
    'too-few-items': 'not trained: too few items',
  } as const;
  return `${method} of ${user} on ${task}: ${seconds.toFixed(1)} s over ${items} items, ${results[result]}.`;
}

function methodsOf(options: CommandArguments): readonly Method[] {
  const all: Method[] = [
    ...registered,
    ...oppuMethods,
    ...[...options.plugs.keys()].map((name) => plugPackage(name, name, `The plug "${name}", gate forced open.`)),
    ...[...options.languageModels.keys()].filter((name) => name !== 'all').map(noneWith),
  ];
  const sizes = options.historySizes.map(personaOfNewest);
  const byDefault = all.filter((method) => !oppuMethods.includes(method));
  const names = options.methods.length > 0 ? options.methods : byDefault.map(({ name }) => name);
  const unknown = names.filter((name) => !all.some((method) => method.name === name));
  if (unknown.length > 0) {
    throw new PersonaPlugError(
      'invalid-argument',
      `There is no method ${unknown.join(', ')}. Name some of: ${all.map(({ name }) => name).join(', ')} (--methods).`,
      { details: { methods: unknown.join(',') } },
    );
  }
  const twice = all.find((method, index) => all.findIndex(({ name }) => name === method.name) !== index);
  if (twice !== undefined) {
    throw new PersonaPlugError(
      'invalid-argument',
      `There are two methods ${twice.name}. Give the package another name.`,
    );
  }
  return [...all.filter(({ name }) => names.includes(name)), ...sizes];
}

function settingsOf(
  { queries, split, users, seed, generate, generatedQueries }: CommandArguments,
  tasks: readonly EvaluationTask[],
  fingerprints: Readonly<Record<string, string>>,
): RunSettings {
  const data = tasks.map(({ task, users }) => [`data.${task}`, fingerprintOf(users)]);
  return {
    format: 2,
    queries,
    split,
    users,
    seed,
    generate,
    generatedQueries,
    ...Object.fromEntries(data),
    ...fingerprints,
  };
}

/** A fingerprint of the queries, their gold answers and their histories. */
function fingerprintOf(users: EvaluationTask['users']): string {
  const hash = createHash('sha256');
  for (const { user, queries } of users) {
    hash.update(
      JSON.stringify([user, queries.map(({ id, date, input, output, history }) => [id, date, input, output, history])]),
    );
  }
  return hash.digest('hex').slice(0, 16);
}
