// One answer, from top to bottom: its turn in the queue first, then what the history holds, what of it counts, the prompt, the words.
// Nothing is read before the turn has come, so what was forgotten while an answer waited has no part in it.
import type { LogitBias } from '../language-model/decoding/logit-bias.ts';
import type { PromptSegment } from '../language-model/language-model.ts';
import type { WeightAdapter } from '../adapter/weight-adapter.ts';
import type { Task } from '../tasks/task.ts';
import { attend } from './attend.ts';
import { buildPrompt } from './build-prompt.ts';
import { checkRequest } from './check-request.ts';
import type { EngineContext } from './engine-context.ts';
import { personaRows } from './persona-rows.ts';
import type { Explanation, GenerateEvent, GenerateRequest, ProgressEvent } from './personalizer.ts';
import { recall } from './recall.ts';
import { adaptedWords, unigramBiasOf } from './unigram-bias.ts';

/**
 * Answers a request.
 *
 * @throws PersonaPlugError `invalid-argument` for a bad request, `invalid-prompt` when no room is left for it, what the store, the
 * embedder and the language model throw; or `signal.reason`.
 */
export async function* generate(
  context: EngineContext,
  request: GenerateRequest,
  signal: AbortSignal,
): AsyncGenerator<GenerateEvent, void, void> {
  checkRequest(request);
  const started = context.stopwatch();
  const elapsed = (): number => context.stopwatch() - started;
  const endTurn = await context.answerTurn.acquire(signal);
  try {
    const prepared = yield* prepareAnswer(context, request, signal);
    const embedded = elapsed();
    yield { type: 'explanation', explanation: prepared.explanation };

    await context.setAdapter(request.task, prepared.adapter);
    const tokens = context.languageModel.generate(prepared.prompt, decodingOptions(request, prepared, signal));
    let text = '';
    let firstToken: number | null = null;
    let next = await tokens.next();
    for (; next.done !== true; next = await tokens.next()) {
      firstToken ??= elapsed();
      text += next.value.text;
      if (next.value.text !== '') yield { type: 'delta', text: next.value.text };
    }
    const total = elapsed();
    const answer = readAnswer(text, request, prepared.task);
    yield {
      type: 'end',
      text,
      answer,
      usage: next.value,
      timing: { embedded, firstToken: firstToken ?? total, total },
    };
  } finally {
    endTurn();
  }
}

/** All that a language model needs to answer a request or to score an answer, and why it is as it is. */
export interface PreparedAnswer {
  readonly explanation: Explanation;
  readonly prompt: readonly PromptSegment[];
  readonly task: Task;
  /** The only answers there are: the request's, else the task's; null where the answer is free text. */
  readonly choices: readonly string[] | null;
  readonly maximumNewTokens: number;
  /** Of free text; see `SamplingOptions`. */
  readonly noRepeatNgramSize: number;
  /** Nats by token: unigram adaptation; empty where there is none. */
  readonly logitBias: LogitBias;
  /** The weights' change to answer with; null for none. */
  readonly adapter: WeightAdapter | null;
}

/** What comes before the language model, the same for answers, explanations and scores. */
export async function* prepareAnswer(
  context: EngineContext,
  request: GenerateRequest,
  signal: AbortSignal,
): AsyncGenerator<ProgressEvent, PreparedAnswer, void> {
  const task = context.tasks(request.task);
  const choices = request.choices ?? task.choices;
  const maximumNewTokens = request.maximumNewTokens ?? task.maximumNewTokens;

  const recalled = yield* recall(context, request, signal);
  const attended = attend(context, request, recalled);
  const { rows, softPrompt } = await personaRows(context, request.task, recalled, attended, signal);
  const built = buildPrompt(context, request, { task, choices, maximumNewTokens, rows, recalled });

  const { items, isPersonaUsed } = attended.explanation;
  const isAdapted = isPersonaUsed && request.unigramAdaptation !== false;
  const logitBias: LogitBias = isAdapted ? unigramBiasOf(context, request.task, items) : new Map();
  const outputs = items.map(({ item }) => item.output);
  const adapter = recalled.adapters.weights;
  return {
    explanation: {
      ...attended.explanation,
      retrieved: built.retrieved,
      profile: built.profile,
      words: adaptedWords(logitBias, outputs, context.languageModel.tokenizer),
      adapters: [...(softPrompt === null ? [] : (['prompt'] as const)), ...(adapter === null ? [] : [adapter.kind])],
    },
    prompt: built.prompt,
    task,
    choices,
    maximumNewTokens,
    noRepeatNgramSize: request.noRepeatNgramSize ?? task.noRepeatNgramSize ?? 0,
    logitBias,
    adapter,
  };
}

function decodingOptions(
  request: GenerateRequest,
  { maximumNewTokens, noRepeatNgramSize, logitBias, choices }: PreparedAnswer,
  signal: AbortSignal,
): Parameters<EngineContext['languageModel']['generate']>[1] {
  const { stopStrings, temperature, topP, seed } = request;
  return {
    maximumNewTokens,
    noRepeatNgramSize,
    logitBias,
    signal,
    ...(choices === null ? {} : { choices }),
    ...(stopStrings === undefined ? {} : { stopStrings }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { topP }),
    ...(seed === undefined ? {} : { seed }),
  };
}

/** What the task reads out of the text; with choices of the request's own, the one that it is. */
function readAnswer(text: string, { choices }: GenerateRequest, task: Task): string | null {
  if (choices === undefined) return task.parse(text);
  return choices.includes(text) ? text : null;
}
