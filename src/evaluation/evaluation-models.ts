// The models that all methods share, loaded once, and the tasks by name.
import type { Embedder } from '../embedder/embedder.ts';
import type { LanguageModel } from '../language-model/language-model.ts';
import type { PromptTemplatePart } from '../model-package/manifest.ts';
import { assertPlugMatches, type Plug } from '../persona/plug.ts';
import { citation } from '../tasks/citation.ts';
import { emailSubject } from '../tasks/email-subject.ts';
import { movieRating } from '../tasks/movie-rating.ts';
import { movieTagTask } from '../tasks/movie-tag.ts';
import { createTaskRegistry, type TaskRegistry } from '../tasks/task-registry.ts';
import { tweetParaphrase } from '../tasks/tweet-paraphrase.ts';
import { PersonaPlugError } from '../lib/errors.ts';
import { cacheLastPrompts } from './cache-last-prompts.ts';
import type { Trainer } from './training/trainer.ts';

export interface MeasuredLanguageModel {
  readonly model: LanguageModel;
  readonly promptTemplate: readonly PromptTemplatePart[];
}

/** The names under which the shipped models are loaded, and which methods use by default. */
export const mainLanguageModel = 'nano-llm';
export const mainPlug = 'plug';

export interface EvaluationModelsParts {
  /** Should cache its vectors, since histories are embedded for every method. */
  readonly embedder: Embedder;
  /** By name; the plugs were trained for `nano-llm`. */
  readonly languageModels: ReadonlyMap<string, MeasuredLanguageModel>;
  /** By name; the method `persona` uses `plug`. */
  readonly plugs: ReadonlyMap<string, Plug>;
  /** Why a package was not loaded, by name. */
  readonly missing?: ReadonlyMap<string, string>;
  /** Trains adapters on users' items. @defaultValue none: methods that train are skipped */
  readonly trainer?: Trainer;
}

export interface EvaluationModels extends EvaluationModelsParts {
  readonly missing: ReadonlyMap<string, string>;
  readonly trainer?: Trainer;
  readonly tasks: TaskRegistry;
}

/**
 * Puts loaded models together for an evaluation. Whoever loaded them disposes of them.
 *
 * @throws PersonaPlugError `model-missing` without the main language model or plug, `model-mismatch` when they do not fit.
 */
export function createEvaluationModels(parts: EvaluationModelsParts): EvaluationModels {
  const main = parts.languageModels.get(mainLanguageModel);
  const plug = parts.plugs.get(mainPlug);
  if (main === undefined || plug === undefined) {
    const name = main === undefined ? mainLanguageModel : mainPlug;
    throw new PersonaPlugError(
      'model-missing',
      `The evaluation has no package "${name}". Give the folder or URL of the shipped model packages.`,
      { details: { package: name } },
    );
  }
  const missing = new Map(parts.missing);
  const plugs = new Map<string, Plug>();
  for (const [name, candidate] of parts.plugs) {
    try {
      assertFits(candidate, parts.embedder, main.model);
      plugs.set(name, candidate);
    } catch (error) {
      if (name === mainPlug || !PersonaPlugError.isInstance(error)) throw error;
      missing.set(name, error.message);
    }
  }
  const languageModels = new Map(
    [...parts.languageModels].map(([name, { model, promptTemplate }]) => [
      name,
      { model: cacheLastPrompts(model), promptTemplate },
    ]),
  );
  // Choices that depend on the data come with each request.
  const tasks = createTaskRegistry([citation, movieTagTask(), movieRating, emailSubject, tweetParaphrase]);
  const trainer = parts.trainer === undefined ? {} : { trainer: parts.trainer };
  return { embedder: parts.embedder, languageModels, plugs, missing, ...trainer, tasks };
}

function assertFits(plug: Plug, { identity }: Embedder, model: LanguageModel): void {
  assertPlugMatches(plug, {
    embedder: { ...identity, width: identity.dim },
    languageModel: { name: model.name, fingerprint: model.fingerprint, width: model.hiddenSize },
  });
}
