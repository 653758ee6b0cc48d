// How likely the engine finds a given answer: the steps of `generate` up to the prompt, then the answer's log probability. The
// evaluation compares methods by it, since that needs far fewer queries than counting right answers.
import { createChoiceTrie } from '../language-model/decoding/choice-trie.ts';
import type { LanguageModel } from '../language-model/language-model.ts';
import { answerBias } from '../language-model/decoding/logit-bias.ts';
import { argmax } from '../language-model/decoding/sampling.ts';
import { sequenceLogProbabilities } from '../language-model/decoding/sequence-log-probabilities.ts';
import { PersonaPlugError } from '../lib/errors.ts';
import { runToEnd } from '../lib/run-to-end.ts';
import { checkRequest } from './check-request.ts';
import type { EngineContext } from './engine-context.ts';
import { prepareAnswer, type PreparedAnswer } from './generate.ts';
import type { Explanation, GenerateRequest } from './personalizer.ts';

export interface ScoreOptions {
  readonly signal: AbortSignal;
  /** Also decode greedily, as `generate` would. @defaultValue false */
  readonly withAnswer?: boolean;
}

export interface ScoredAnswer {
  /** Natural logarithm of the probability of the whole output, its end included: nats an answer, at most 0. */
  readonly logProbability: number;
  /** What the output was scored over: its tokens, the end token included; free text is cut to the task's longest answer. */
  readonly tokens: number;
  /** The greedy answer's text, as `generate` streams it; null where none was asked for. */
  readonly answer: string | null;
  readonly explanation: Explanation;
}

/**
 * Scores `output` as the answer to a request. Where the task or the request has choices, each token's probability is taken among
 * the tokens that the trie of choices allows there, so that the probabilities of all choices sum to 1: the chance with which constrained
 * sampling gives this answer. Else it is the plain probability of each token. Unigram adaptation counts as in an
 * answer.
 *
 * @throws PersonaPlugError `invalid-argument` when there are choices and the output is none of them, and as `generate`.
 */
export async function scoreAnswer(
  context: EngineContext,
  request: GenerateRequest,
  output: string,
  { signal, withAnswer = false }: ScoreOptions,
): Promise<ScoredAnswer> {
  checkRequest(request);
  const { languageModel, answerTurn, setAdapter } = context;
  return await answerTurn.run(async () => {
    const prepared = await runToEnd(prepareAnswer(context, request, signal));
    await setAdapter(request.task, prepared.adapter);
    return prepared.choices === null
      ? await scoreText(languageModel, prepared, output, { signal, withAnswer })
      : await scoreChoice(languageModel, prepared, prepared.choices, output, { signal, withAnswer });
  }, signal);
}

async function scoreText(
  model: LanguageModel,
  { prompt, explanation, maximumNewTokens, noRepeatNgramSize, logitBias }: PreparedAnswer,
  output: string,
  { signal, withAnswer }: Required<ScoreOptions>,
): Promise<ScoredAnswer> {
  // The prompt keeps room for so many tokens and no more; and methods with longer prompts must be scored on the same ones.
  const ids = [...model.tokenizer.encode(output), endTokenOf(model)].slice(0, maximumNewTokens);
  const logProbabilities = await sequenceLogProbabilities(model, prompt, ids, { signal, logitBias });
  let answer: string | null = null;
  if (withAnswer) {
    answer = '';
    for await (const { text } of model.generate(prompt, { maximumNewTokens, noRepeatNgramSize, logitBias, signal }))
      answer += text;
  }
  return {
    logProbability: logProbabilities.reduce((sum, value) => sum + value, 0),
    tokens: ids.length,
    answer,
    explanation,
  };
}

async function scoreChoice(
  model: LanguageModel,
  { prompt, explanation, logitBias }: PreparedAnswer,
  choices: readonly string[],
  output: string,
  { signal, withAnswer }: Required<ScoreOptions>,
): Promise<ScoredAnswer> {
  if (!choices.includes(output)) {
    throw new PersonaPlugError(
      'invalid-argument',
      `The output ${JSON.stringify(output.slice(0, 60))} is none of the ${choices.length} choices. Score one of them, or give other choices.`,
      { details: { choices: choices.length } },
    );
  }
  const endToken = endTokenOf(model);
  const trie = createChoiceTrie(
    choices.map((choice) => model.tokenizer.encode(choice)),
    endToken,
  );
  const ids = [...model.tokenizer.encode(output), endToken];
  const branches = ids.map((_, index) => trie.allowed(ids.slice(0, index)));
  const lastBranch = branches.findLastIndex((allowed) => allowed.length > 1);
  // After the last branch the answer is certain: nothing is run for it.
  const rows = lastBranch < 0 ? [] : await model.logits(prompt, ids.slice(0, lastBranch), { signal });
  const logits = rows.map((row, index) => raised(row, ids.slice(0, index)));
  const logProbability = branches.reduce(
    (sum, allowed, index) => sum + logProbabilityAmong(logits[index], allowed, ids[index] ?? endToken),
    0,
  );
  const answer = withAnswer ? await greedyChoice() : null;
  return { logProbability, tokens: ids.length, answer, explanation };

  /** Along the output's own tokens the logits are known; where the greedy answer leaves them, the model is asked again. */
  async function greedyChoice(): Promise<string> {
    const taken: number[] = [];
    for (;;) {
      const allowed = trie.allowed(taken);
      let token = allowed[0] ?? endToken;
      if (allowed.length > 1) {
        const isOnOutput = taken.every((id, index) => id === ids[index]);
        const here = isOnOutput ? logits[taken.length] : await logitsAfter(taken);
        token = argmax(here ?? new Float32Array(0), allowed);
      }
      if (token === endToken) return model.tokenizer.decode(taken);
      taken.push(token);
    }
  }

  async function logitsAfter(taken: readonly number[]): Promise<Float32Array> {
    const row = (await model.logits(prompt, taken, { signal })).at(-1);
    return raised(row ?? new Float32Array(0), taken);
  }

  /** A row of logits as the answer meets it after the tokens that it has. */
  function raised(row: Float32Array, taken: readonly number[]): Float32Array {
    const bias = answerBias(logitBias);
    for (const token of taken) bias.take(token);
    return bias.add(row);
  }
}

/** ln of the softmax over the allowed tokens only; 0 where there is but one. */
function logProbabilityAmong(logits: Float32Array | undefined, allowed: readonly number[], token: number): number {
  if (allowed.length <= 1) return 0;
  const values = allowed.map((id) => logits?.[id] ?? Number.NaN);
  const highest = values.reduce((a, b) => Math.max(a, b), -Infinity);
  const sum = values.reduce((total, value) => total + Math.exp(value - highest), 0);
  return (logits?.[token] ?? Number.NaN) - highest - Math.log(sum);
}

function endTokenOf(model: LanguageModel): number {
  return model.endTokens[0] ?? 0;
}
