// Soft prompts for an unmodified WebLLM: rows of numbers in place of token embeddings, anywhere in a message or prompt.
import type { MLCEngine } from '@mlc-ai/web-llm';
import { PersonaPlugError } from '../../../lib/errors.ts';
import type { PromptSegment } from '../../language-model.ts';
import { formatMarker } from './marker.ts';
import { patchPipeline } from './patch-pipeline.ts';
import {
  asChatPipeline,
  disposeRefused,
  hasTokenEmbeddings,
  pipelinesOf,
  type PipelineFacts,
} from './pipeline-access.ts';
import { createSoftPromptSlots } from './soft-prompt-slots.ts';

/** A registered soft prompt. It never changes; a changed persona is registered again. */
export interface SoftPrompt extends Disposable {
  /** Put it anywhere in a message's content or a prompt, preferably next to a special token or a line break. */
  readonly marker: string;
  /** What the marker encodes to, for `engine.forwardTokensAndSample`: negative ids are rows. */
  readonly tokenIds: readonly number[];
  /** Frees the rows. An answer whose prompt was already run goes on; a later use of the marker is an error. */
  release(): void;
}

export interface SoftPromptHook {
  /** How many soft prompts are registered and not released. */
  readonly size: number;
  /**
   * Registers rows `[count, hiddenSize]`, flat. They are copied.
   *
   * @throws PersonaPlugError `invalid-prompt` when there is no whole number of rows, or a number is not finite.
   */
  register(rows: Float32Array, hiddenSize: number): SoftPrompt;
  /**
   * Registers a whole prompt of exact token ids and rows: its marker is not tokenized, so special tokens in user text stay text.
   *
   * @throws PersonaPlugError `invalid-prompt` for invalid ids, rows of mixed width, numbers that are not finite.
   */
  registerPrompt(segments: readonly PromptSegment[]): SoftPrompt;
  /** Facts about a loaded model: hidden size, dtype, context window. Undefined while it is not loaded. */
  factsOf(modelId: string): PipelineFacts | undefined;
}

/** Marks an engine that has a hook, also one from another copy of this module. */
const attached = Symbol.for('persona-plug.soft-prompt-hook');

/**
 * Patches the pipelines of an engine, those that are loaded and those that `reload()` will load.
 *
 * @param name - Name in the markers, `[0-9a-z]+`.
 * @throws PersonaPlugError `invalid-argument` when the engine has a hook already, `model-mismatch` when it has no known pipelines.
 */
export function createSoftPromptHook(engine: MLCEngine, name: string = randomName()): SoftPromptHook {
  if (!/^[0-9a-z]+$/.test(name)) {
    throw new PersonaPlugError('invalid-argument', `The hook's name is ${JSON.stringify(name)}. Use 0-9 and a-z only.`);
  }
  const pipelines = pipelinesOf(engine);
  if (attached in engine) {
    throw new PersonaPlugError('invalid-argument', 'This engine has a soft-prompt hook already. Use that one.');
  }
  Object.defineProperty(engine, attached, { value: true });
  const slots = createSoftPromptSlots();
  const facts = new WeakMap<object, PipelineFacts>();

  function install(pipeline: unknown): void {
    if (typeof pipeline !== 'object' || pipeline === null || facts.has(pipeline)) return;
    if (!hasTokenEmbeddings(pipeline)) return;
    facts.set(pipeline, patchPipeline(asChatPipeline(pipeline), slots, name));
  }

  // reload() makes a new pipeline and puts it into this map: each one is patched before its first use.
  const set = pipelines.set.bind(pipelines);
  pipelines.set = (modelId, pipeline) => {
    try {
      install(pipeline);
    } catch (error) {
      disposeRefused(pipeline);
      throw error;
    }
    return set(modelId, pipeline);
  };
  for (const pipeline of pipelines.values()) install(pipeline);

  function registerPrompt(segments: readonly PromptSegment[]): SoftPrompt {
    const { serial, tokenIds } = slots.add(segments);
    const release = (): void => slots.release(serial);
    return { marker: formatMarker({ hook: name, serial }), tokenIds, release, [Symbol.dispose]: release };
  }

  return {
    get size() {
      return slots.size;
    },
    register(rows, hiddenSize) {
      const count = rows.length / hiddenSize;
      if (!Number.isInteger(count) || count < 1) {
        throw new PersonaPlugError(
          'invalid-prompt',
          `${rows.length} numbers are no whole rows of hidden size ${hiddenSize}. Give count * hiddenSize numbers, at least one row.`,
        );
      }
      return registerPrompt([{ kind: 'rows', rows, count }]);
    },
    registerPrompt,
    factsOf(modelId) {
      const pipeline = pipelines.get(modelId);
      return typeof pipeline === 'object' && pipeline !== null ? facts.get(pipeline) : undefined;
    },
  };
}

function randomName(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(2)), (value) => value.toString(36)).join('');
}
