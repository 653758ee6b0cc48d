// One answer: prepare the prompt, explain, stream.
import type { LanguageModel } from '../language-model/language-model.ts';
import type { Mutex } from './mutex.ts';
import type { GenerateEvent, GenerateRequest } from './personalizer.ts';
import { preparePrompt, type PromptParts } from './prepare-prompt.ts';

export interface AnswerParts extends PromptParts {
  readonly languageModel: LanguageModel;
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
  const preparing = preparePrompt(parts, request, signal);
  let step = await preparing.next();
  for (; step.done !== true; step = await preparing.next()) yield { type: 'progress', progress: step.value };
  const { explanation, prompt, task, choices, maximumNewTokens, adapter } = step.value;
  const embedded = elapsed();
  yield { type: 'explanation', explanation };

  const release = await parts.answerTurn.acquire(signal);
  let text = '';
  let firstToken: number | null = null;
  try {
    await parts.languageModel.useAdapter?.(adapter);
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

function readAnswer(text: string, request: GenerateRequest, parse: (text: string) => string | null): string | null {
  if (request.choices === undefined) return parse(text);
  return request.choices.includes(text) ? text : null;
}
