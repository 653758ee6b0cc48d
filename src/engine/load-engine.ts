// Builds the engine from model packages: embedder, language model, plug, history.
import { PersonaPlugError } from '../lib/errors.ts';
import type { OnProgress } from '../lib/progress.ts';
import type { Task } from '../prompts/task.ts';
import type { EngineOptions, Personalizer } from './personalizer.ts';

export interface LoadContext {
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
  readonly tasks: readonly Task[];
}

export async function loadEngine(options: EngineOptions, _context: LoadContext): Promise<Personalizer> {
  throw new PersonaPlugError('internal', `The engine over ${options.models} is not wired yet.`);
}
