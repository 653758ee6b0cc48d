// From what was recalled to the segments that a language model reads.
import type { PromptSegment } from '../language-model/language-model.ts';
import { fitPrompt } from '../prompts/fit-prompt.ts';
import { layoutPrompt, type PersonaRows, promptRoom } from '../prompts/layout-prompt.ts';
import { profileText } from '../retrieval/profile-text.ts';
import type { Task } from '../tasks/task.ts';
import type { EngineContext } from './engine-context.ts';
import type { GenerateRequest, RetrievedScore } from './personalizer.ts';
import type { Recalled } from './recall.ts';
import { retrieve } from './retrieve.ts';

export interface PromptIngredients {
  readonly task: Task;
  readonly choices: readonly string[] | null;
  readonly maximumNewTokens: number;
  readonly rows: PersonaRows | null;
  readonly recalled: Recalled;
}

export interface BuiltPrompt {
  readonly prompt: readonly PromptSegment[];
  /** The earlier items that fit, most relevant first. */
  readonly retrieved: readonly RetrievedScore[];
  /** The sentence about the user; null where it was not asked for, says nothing, or does not fit. */
  readonly profile: string | null;
}

/** @throws PersonaPlugError `invalid-prompt` when rows and answer leave no room for the text. */
export function buildPrompt(
  { languageModel, promptTemplate }: EngineContext,
  request: GenerateRequest,
  { task, choices, maximumNewTokens, rows, recalled }: PromptIngredients,
): BuiltPrompt {
  const { tokenizer, contextWindow } = languageModel;
  const frame = { template: promptTemplate, contextWindow, persona: rows, maximumNewTokens };
  const { text, retrieved, profile } = fitPrompt({
    task,
    input: request.input,
    retrieved: retrieve(request, recalled),
    profile: request.profile === true ? profileText({ choices }, recalled.items) : null,
    tokenizer,
    room: promptRoom(frame),
  });
  return { prompt: layoutPrompt({ ...frame, tokenizer, text }), retrieved, profile };
}
