// The one road from a request to the segments that a language model reads: answers, explanations and scores all take it.
import type { LanguageModel, PromptSegment, WeightAdapter } from '../language-model/language-model.ts';
import type { LogitBias } from '../language-model/decoding/logit-bias.ts';
import type { PromptTemplatePart } from '../model-package/manifest.ts';
import type { Progress } from '../lib/progress.ts';
import { fitPrompt } from '../prompts/fit-prompt.ts';
import { layoutPrompt, promptRoom } from '../prompts/layout-prompt.ts';
import type { Task } from '../tasks/task.ts';
import type { TaskRegistry } from '../tasks/task-registry.ts';
import { profileText } from '../retrieval/profile-text.ts';
import { checkRequest } from './check-request.ts';
import { recallHistory } from './recall.ts';
import { adaptedWords, unigramBiasOf } from './unigram-bias.ts';
import type { Explanation, GenerateRequest } from './personalizer.ts';
import { attendHistory, type AttentionParts } from './attend.ts';
import { retrieve } from './retrieve.ts';
import { tunedAdapter } from './read-adapters.ts';
import { tunedRows } from './persona-rows.ts';

export interface PromptParts extends AttentionParts {
  readonly languageModel: Pick<
    LanguageModel,
    'fingerprint' | 'tokenizer' | 'contextWindow' | 'endTokens' | 'useAdapter'
  >;
  readonly promptTemplate: readonly PromptTemplatePart[];
  readonly tasks: TaskRegistry;
}

/** All that a language model needs to answer, or to score, and why it is as it is. */
export interface PreparedPrompt {
  readonly explanation: Explanation;
  readonly prompt: readonly PromptSegment[];
  readonly task: Task;
  /** The only answers there are: the request's, else the task's; null where the answer is free text. */
  readonly choices: readonly string[] | null;
  readonly maximumNewTokens: number;
  /** Of free text; see `SamplingOptions`. */
  readonly noRepeatNgramSize: number;
  /** What makes her own words likelier; empty where nothing does. */
  readonly logitBias: LogitBias;
  /** The weights' change to answer with; null for none. */
  readonly adapter: WeightAdapter | null;
  /** The runs of the adapters that have a part in it. */
  readonly runs: readonly string[];
}

/**
 * Checks a request, asks the history, and lays out the prompt. Yields progress while items are embedded anew.
 *
 * @throws PersonaPlugError `invalid-argument` for a bad request, `invalid-prompt` when no room is left for it, what the
 * store and the embedder throw; or `signal.reason`.
 */
export async function* preparePrompt(
  parts: PromptParts,
  request: GenerateRequest,
  signal: AbortSignal,
): AsyncGenerator<Progress, PreparedPrompt, void> {
  checkRequest(request);
  const task = parts.tasks(request.task);
  const maximumNewTokens = request.maximumNewTokens ?? task.maximumNewTokens;
  const choices = request.choices ?? task.choices;
  const memory = yield* recallHistory(parts, request, signal);
  const { explanation, persona } = await attendHistory(parts, request, memory, signal);
  const logitBias =
    request.unigramAdaptation !== false && explanation.isPersonaUsed
      ? unigramBiasOf(parts, request.task, explanation.items)
      : new Map<number, number>();
  const { rows, adapters, runs } = await tunedRows(parts, request, persona, signal);
  const adapter = await tunedAdapter(parts, request);
  const { tokenizer, contextWindow } = parts.languageModel;
  const frame = {
    template: parts.promptTemplate,
    contextWindow,
    persona: rows,
    maximumNewTokens,
  };
  const { text, retrieved, profile } = fitPrompt({
    task,
    input: request.input,
    retrieved: retrieve(request, memory),
    profile: request.profile === true ? profileText({ choices }, memory.items) : null,
    tokenizer,
    room: promptRoom(frame),
  });
  const prompt = layoutPrompt({ ...frame, tokenizer, text });
  const used = adapter === null ? adapters : [...adapters, adapter.kind];
  return {
    explanation: {
      ...explanation,
      retrieved,
      profile,
      words: adaptedWords(
        logitBias,
        explanation.items.map(({ item }) => item.output),
        tokenizer,
      ),
      adapters: used,
    },
    prompt,
    task,
    choices,
    maximumNewTokens,
    noRepeatNgramSize: request.noRepeatNgramSize ?? task.noRepeatNgramSize ?? 0,
    logitBias,
    adapter,
    runs: adapter === null ? runs : [...runs, adapter.id],
  };
}
