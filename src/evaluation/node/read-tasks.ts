// Reads the data files of a folder: task files and pairs of LaMP files, in the folder itself or in its subfolders.
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { PersonaPlugError } from '../../lib/errors.ts';
import { lampTask, rebuiltTask } from '../data/build-task.ts';
import type { EvaluationTask } from '../data/evaluation-task.ts';
import { parseLamp } from '../data/parse-lamp.ts';
import { parseTaskFile } from '../data/parse-task-file.ts';
import { invalidData } from '../data/parse-json.ts';

export interface ReadTasksOptions {
  /** Queries a user at most. */
  readonly queries: number;
  /** Only these tasks are read; empty: all. */
  readonly only?: readonly string[];
}

/**
 * Reads the tasks of a folder.
 *
 * @throws PersonaPlugError `not-found` for no folder, no data files or an unknown task, `invalid-import` for a damaged file.
 */
export async function readTasks(folder: string, { queries, only = [] }: ReadTasksOptions): Promise<EvaluationTask[]> {
  const files = await dataFiles(folder);
  const tasks: EvaluationTask[] = [];
  for (const file of files) {
    const name = path.basename(file);
    const taskFile = /^(?<task>.+)\.jsonl(?:\.gz)?$/u.exec(name)?.groups?.['task'];
    if (taskFile !== undefined) {
      if (only.length > 0 && !only.includes(taskFile)) continue;
      const users = parseTaskFile(await readText(file), { file: name, task: taskFile, queries });
      tasks.push(rebuiltTask(taskFile, name, users));
    } else if (name.endsWith('_questions.json')) {
      tasks.push(await readLamp(file));
    }
  }
  const chosen = tasks.filter(({ task }) => only.length === 0 || only.includes(task));
  for (const { task, source } of chosen) {
    const same = chosen.filter((other) => other.task === task);
    if (same.length < 2) continue;
    const names = same.map((other) => other.source).join(' and ');
    throw invalidData(source, `is not the only file of the task ${task}: there are ${names}`, 'Keep one of them');
  }
  const absent = only.filter((name) => !chosen.some(({ task }) => task === name));
  if (absent.length === 0 && chosen.length > 0) return chosen;
  const found = files.map((file) => path.relative(folder, file)).join(', ') || 'no data file';
  throw new PersonaPlugError(
    'not-found',
    `The folder ${folder} has no data for ${absent.join(', ') || 'any task'}; it holds ${found}. ` +
      'Give NAME.jsonl, NAME.jsonl.gz, or a pair of *_questions.json and *_outputs.json.',
    { details: { folder } },
  );
}

async function dataFiles(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile()).map(({ name }) => path.join(folder, name));
    for (const { name } of entries.filter((entry) => entry.isDirectory())) {
      const below = await readdir(path.join(folder, name), { withFileTypes: true });
      files.push(...below.filter((entry) => entry.isFile()).map((entry) => path.join(folder, name, entry.name)));
    }
    return files.filter((file) => /\.jsonl(?:\.gz)?$|_questions\.json$/u.test(file)).sort();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : 'unknown';
    throw new PersonaPlugError(
      'not-found',
      `The folder ${folder} cannot be read: ${reason}. Give the folder of the data files (--tasks).`,
      {
        cause,
        details: { folder },
      },
    );
  }
}

async function readLamp(questionsFile: string): Promise<EvaluationTask> {
  const outputsFile = questionsFile.replace(/_questions\.json$/u, '_outputs.json');
  const name = path.join(path.basename(path.dirname(questionsFile)), path.basename(questionsFile));
  const questions = { name, text: await readText(questionsFile) };
  const outputs = { name: name.replace(/_questions\.json$/u, '_outputs.json'), text: '' };
  try {
    outputs.text = await readText(outputsFile);
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'ENOENT')) throw cause;
    throw invalidData(
      name,
      `has no ${path.basename(outputsFile)} beside it`,
      'Put the gold answers of the same split there; those of the test split are withheld by LaMP',
      cause,
    );
  }
  return lampTask(parseLamp(questions, outputs), name);
}

async function readText(file: string): Promise<string> {
  const bytes = await readFile(file);
  // Decided by the first bytes and not by the name: a page that was saved under the data's name is not compressed.
  const isCompressed = bytes[0] === 0x1f && bytes[1] === 0x8b;
  try {
    return (isCompressed ? gunzipSync(bytes) : bytes).toString('utf8');
  } catch (cause) {
    throw invalidData(path.basename(file), 'is a damaged gzip file', 'Download or export it again', cause);
  }
}
