// One answer: recollect, lay out the prompt, stream.
import type { LanguageModel } from '../language-model/language-model.ts';
import type { PromptTemplatePart } from '../model-package/manifest.ts';
import type { Persona } from '../persona/persona.ts';
import type { Plug } from '../persona/plug.ts';
import { layoutPrompt, type PersonaRows } from '../prompts/layout-prompt.ts';
import { promptText } from '../prompts/task.ts';
import type { TaskRegistry } from '../prompts/task-registry.ts';
import { checkRequest } from './check-request.ts';
import type { Mutex } from './mutex.ts';
import type { GenerateEvent, GenerateRequest } from './personalizer.ts';
import { recollect, type RecollectionParts } from './recollection.ts';

export interface AnswerParts extends RecollectionParts {
  readonly languageModel: LanguageModel;
  readonly promptTemplate: readonly PromptTemplatePart[];
  readonly tasks: TaskRegistry;
  /** Held for a whole answer: a language model has one KV cache. */
  readonly answerTurn: Mutex;
  readonly stopwatch: () => number;
}

export async function* answer(
  parts: AnswerParts,
  request: GenerateRequest,
  signal: AbortSignal,
): AsyncGenerator<GenerateEvent, void, void> {
  const started = parts.stopwatch();
  const elapsed = (): number => parts.stopwatch() - started;
  checkRequest(request);
  const task = parts.tasks(request.task);
  const recollection = recollect(parts, request, signal);
  let step = await recollection.next();
  for (; step.done !== true; step = await recollection.next()) yield { type: 'progress', progress: step.value };
  const { explanation, persona } = step.value;
  const embedded = elapsed();
  yield { type: 'explanation', explanation };

  const maximumNewTokens = request.maximumNewTokens ?? task.maximumNewTokens;
  const choices = request.choices ?? task.choices;
  const prompt = layoutPrompt({
    template: parts.promptTemplate,
    tokenizer: parts.languageModel.tokenizer,
    contextWindow: parts.languageModel.contextWindow,
    text: promptText(task, request.input),
    persona: persona === null ? null : rowsOf(parts.plug, persona),
    maximumNewTokens,
  });
  const release = await parts.answerTurn.acquire(signal);
  let text = '';
  let firstToken: number | null = null;
  try {
    const tokens = parts.languageModel.generate(prompt, {
      maximumNewTokens,
      signal,
      ...(choices === null ? {} : { choices }),
      ...(request.stopStrings === undefined ? {} : { stopStrings: request.stopStrings }),
      ...(request.temperature === undefined ? {} : { temperature: request.temperature }),
      ...(request.topP === undefined ? {} : { topP: request.topP }),
      ...(request.seed === undefined ? {} : { seed: request.seed }),
    });
    let next = await tokens.next();
    for (; next.done !== true; next = await tokens.next()) {
      firstToken ??= elapsed();
      text += next.value.text;
      if (next.value.text !== '') yield { type: 'delta', text: next.value.text };
    }
    const total = elapsed();
    yield {
      type: 'end',
      text,
      answer: readAnswer(text, request, task.parse),
      usage: next.value,
      timing: { embedded, firstToken: firstToken ?? total, total },
    };
  } finally {
    release();
  }
}

function rowsOf(plug: Plug, persona: Persona): PersonaRows {
  return {
    instruction: { rows: persona.instruction, count: plug.instructionRows },
    persona: { rows: persona.rows, count: plug.personaRows },
  };
}

function readAnswer(text: string, request: GenerateRequest, parse: (text: string) => string | null): string | null {
  if (request.choices === undefined) return parse(text);
  return request.choices.includes(text) ? text : null;
}
