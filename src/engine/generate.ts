// One answer: prepare the prompt, explain, stream.
import type { LanguageModel } from '../language-model/language-model.ts';
import type { Mutex } from './mutex.ts';
import type { GenerateEvent, GenerateRequest } from './personalizer.ts';
import { preparePrompt, type PreparedPrompt, type PromptParts } from './build-prompt.ts';
import { areStored } from './adapter-in-use.ts';

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
  let prepared = yield* prepare(parts, request, signal);
  const embedded = elapsed();

  const release = await parts.answerTurn.acquire(signal);
  let text = '';
  let firstToken: number | null = null;
  try {
    // An item may have been forgotten while this waited for its turn, and what was tuned on it must not speak any more.
    if (!(await areStored(parts.store, prepared.runs))) prepared = yield* prepare(parts, request, signal);
    const { prompt, task, choices, maximumNewTokens, noRepeatNgramSize, logitBias, adapter } = prepared;
    await parts.languageModel.useAdapter?.(adapter);
    const tokens = parts.languageModel.generate(prompt, {
      maximumNewTokens,
      noRepeatNgramSize,
      logitBias,
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

/** Tells how it goes, and why the prompt is as it is. */
async function* prepare(
  parts: AnswerParts,
  request: GenerateRequest,
  signal: AbortSignal,
): AsyncGenerator<GenerateEvent, PreparedPrompt, void> {
  const preparing = preparePrompt(parts, request, signal);
  let step = await preparing.next();
  for (; step.done !== true; step = await preparing.next()) yield { type: 'progress', progress: step.value };
  yield { type: 'explanation', explanation: step.value.explanation };
  return step.value;
}

function readAnswer(text: string, request: GenerateRequest, parse: (text: string) => string | null): string | null {
  if (request.choices === undefined) return parse(text);
  return request.choices.includes(text) ? text : null;
}
