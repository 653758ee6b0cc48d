// predictions.jsonl of an output folder, and run.json beside it with the settings of the run. A killed run can be continued; a run with
// other settings must not add its lines to the same file.
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as v from 'valibot';
import { PersonaPlugError } from '../../lib/errors.ts';
import { type Prediction, predictionSchema } from '../prediction.ts';
import { appendLine, readLines } from './json-lines.ts';

/** Everything that a prediction depends on. Names of tasks and methods are not included, since more of them can be measured later. */
export type RunSettings = Readonly<Record<string, string | number | boolean | null>>;

export interface PredictionsFile {
  /** The predictions of earlier runs. */
  readonly earlier: readonly Prediction[];
  append(prediction: Prediction): void;
}

/**
 * Opens the predictions of a folder, and makes the folder if need be.
 *
 * @throws PersonaPlugError `invalid-argument` when they were made with other settings, naming them; `invalid-import` for a damaged line.
 */
export function openPredictions(folder: string, settings: RunSettings): PredictionsFile {
  mkdirSync(folder, { recursive: true });
  checkSettings(path.join(folder, 'run.json'), folder, settings);
  const file = path.join(folder, 'predictions.jsonl');
  return {
    earlier: readLines(file, predictionSchema, 'prediction'),
    append: (prediction) => appendLine(file, prediction),
  };
}

function checkSettings(file: string, folder: string, settings: RunSettings): void {
  const known = existsSync(file)
    ? v.parse(
        v.record(v.string(), v.union([v.string(), v.number(), v.boolean(), v.null()])),
        JSON.parse(readFileSync(file, 'utf8')),
      )
    : {};
  // A setting that only one of the runs has, e.g. the fingerprint of another plug, does not concern the other run's lines.
  const other = Object.keys(settings).filter((name) => name in known && known[name] !== settings[name]);
  if (other.length > 0) {
    const list = other.map((name) => `${name} was ${String(known[name])} and is now ${String(settings[name])}`);
    throw new PersonaPlugError(
      'invalid-argument',
      `The predictions in ${folder} were made with other settings: ${list.join('; ')}. Give another folder (--out), or the earlier settings.`,
      { details: { folder, settings: other.join(', ') } },
    );
  }
  // Written to another name first: half a file, after a kill or on a full disk, would make the folder unusable.
  writeFileSync(`${file}.new`, `${JSON.stringify({ ...known, ...settings }, null, 2)}\n`);
  renameSync(`${file}.new`, file);
}
