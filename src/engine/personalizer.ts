// What an application holds: one object that remembers, forgets, generates and explains. Implemented over the worker
// (createPersonalizer) and directly (createEngine), with the same types.
import type { DeviceChoice, DevicePreference } from '../lib/device.ts';
import type { HistoryItem, HistoryItemInput } from '../history/history-item.ts';
import type { AdapterName } from '../adapter/adapter.ts';
import type { AdapterKind } from '../adapter/adapter-kind.ts';
import type { Adapters } from '../adapter/adapters.ts';
import type { CallOptions, LongCallOptions } from '../lib/call-options.ts';
import type { Progress } from '../lib/progress.ts';
import type { GenerationUsage, SamplingOptions } from '../language-model/language-model.ts';

export interface EngineOptions {
  /** Folder of the model packages: a URL ending in `/`. */
  readonly models: string;
  /** @defaultValue 'auto' */
  readonly embedderDevice?: DevicePreference;
  /** `webgpu` runs WebLLM, `wasm` the ONNX path. @defaultValue 'auto' */
  readonly languageModelDevice?: DevicePreference;
  /** With `webgpu`: which runtime. @defaultValue 'webllm' */
  readonly languageModelRuntime?: 'webllm' | 'onnx';
  /** Name of the database. @defaultValue 'persona-plug' */
  readonly storageName?: string;
  /** Names of the model packages. @defaultValue `all-minilm-l6-v2`, `nano-llm`, `plug` */
  readonly packages?: { readonly embedder?: string; readonly languageModel?: string; readonly plug?: string };
  /** Where the .wasm files of onnxruntime-web lie, when a bundler serves them from elsewhere. URLs. */
  readonly onnxRuntimeFiles?: { readonly wasm?: string; readonly webgpu?: string };
}

export interface GenerateRequest extends SamplingOptions {
  readonly task: string;
  readonly input: string;
  /** The moment that ages are counted to, ISO 8601. @defaultValue now */
  readonly at?: string;
  /** `auto`: the gate decides; `none`: never; `always`: whenever there is a history. @defaultValue 'auto' */
  readonly persona?: 'auto' | 'none' | 'always';
  /** Whether words that the user writes, and among choices the answers that they give, are made likelier. Only where a persona is used and its plug adapts the task. @defaultValue true */
  readonly unigramAdaptation?: boolean;
  /** Earlier items of the task, shown in the prompt; with or without a persona. @defaultValue none */
  readonly retrieval?: RetrievalOptions;
  /** A sentence about the user before the prompt, counted from the user's items of the task. @defaultValue false */
  readonly profile?: boolean;
  /** `auto`: what was trained on the user's items of this task is used. @defaultValue 'auto' */
  readonly adapters?: 'auto' | 'none';
  readonly maximumNewTokens?: number;
  readonly stopStrings?: readonly string[];
  /** Overrides the task's own fixed choices. */
  readonly choices?: readonly string[];
}

/**
 * Which earlier items the prompt shows, most relevant first. Needs no training, so it works with every language model and for every
 * task. At least 60 % of the prompt's room stays for the input: items that do not fit are left out, the last first.
 *
 * @example
 * ```ts
 * const request = { task: 'news_headline', input: 'A draft', retrieval: { method: 'bm25', count: 4 } } as const;
 * for await (const event of personalizer.generate(request)) {
 *   if (event.type === 'explanation') show(event.explanation.retrieved);
 * }
 * ```
 */
export interface RetrievalOptions {
  /** `bm25`: words shared with the input; `dense`: cosine of the inputs' vectors; `recency`: the newest. */
  readonly method: 'bm25' | 'dense' | 'recency';
  /** 1 to 50. */
  readonly count: number;
}

/** An item that the prompt shows. */
export interface RetrievedScore {
  readonly item: HistoryItem;
  /** Okapi BM25 (unbounded), the cosine (−1 to 1), or the place by date (1: the newest, to 0). */
  readonly score: number;
}

/** A word that the user writes more often than others do, made likelier by unigram adaptation. */
export interface AdaptedWord {
  readonly text: string;
  /** By how much its odds against a word that the user has never written rose, a token; above 1. */
  readonly factor: number;
}

/** Why an answer is as it is: the weight of each item in the persona, largest first. */
export interface Explanation {
  readonly gate: number;
  readonly gateThreshold: number;
  readonly isPersonaUsed: boolean;
  /** In words, when no persona was used: no history, gate below threshold, not asked for. */
  readonly reason: string;
  readonly items: readonly { readonly item: HistoryItem; readonly weight: number }[];
  /** The earlier items in the prompt, most relevant first, as they stand there; empty when none were asked for or none fit. */
  readonly retrieved: readonly RetrievedScore[];
  /** The sentence about the user in the prompt; null when it was not asked for, says nothing, or does not fit. */
  readonly profile: string | null;
  /** Words of the user's outputs that were made likelier in this answer, the most first, at most 12; empty when none were. */
  readonly words: readonly AdaptedWord[];
  /** What was trained on the user's items and has a part in this answer. */
  readonly adapters: readonly AdapterKind[];
}

/**
 * One event of an answer. None comes before the answer's turn. `progress` comes only while stored items still lack vectors of this
 * embedder; then one `explanation`, then deltas, then one `end`. Event types may be added: ignore those you do not know.
 */
export type GenerateEvent =
  | ProgressEvent
  | { readonly type: 'explanation'; readonly explanation: Explanation }
  | { readonly type: 'delta'; readonly text: string }
  | {
      readonly type: 'end';
      /** All deltas joined. */
      readonly text: string;
      /** What the task reads out of the text; null where it is no answer to the task. */
      readonly answer: string | null;
      readonly usage: GenerationUsage;
      readonly timing: GenerateTiming;
    };

export interface ProgressEvent {
  readonly type: 'progress';
  readonly progress: Progress;
}

/** Milliseconds since the request, the wait for its turn included. */
export interface GenerateTiming {
  readonly embedded: number;
  readonly firstToken: number;
  readonly total: number;
}

export interface EngineStatus {
  readonly embedder: {
    readonly name: string;
    readonly fingerprint: string;
    readonly device: DeviceChoice;
    readonly smallestCosine: number;
    readonly selfTestPassed: boolean;
  };
  readonly languageModel: {
    readonly name: string;
    readonly fingerprint: string;
    readonly runtime: 'webllm' | 'onnx';
    readonly device: DeviceChoice;
  };
  readonly plug: { readonly name: string; readonly fingerprint: string; readonly tasks: readonly string[] };
  readonly items: Readonly<Record<string, number>>;
  /** What was trained on the user's items, or is under way or stale, of all tasks. */
  readonly adapters: readonly AdapterName[];
}

export interface ImportResult {
  readonly added: number;
  readonly replaced: number;
  readonly unchanged: number;
  /** How many of all items of the file have an input or an output of which only a part is in its vector, see `RememberedItem`. */
  readonly partlyEmbedded: number;
}

export interface RememberedItem extends HistoryItem {
  /**
   * Whether input or output is so long that only a part of it is in its vector, which decides how much the item counts for an answer. With
   * the shipped embedder that is a text of more than 2,032 tokens, about 1,500 words. The texts themselves are stored in full.
   */
  readonly partlyEmbedded: boolean;
}

export interface Personalizer extends AsyncDisposable {
  /** What is trained on the user's items, and training it. */
  readonly adapters: Adapters;
  status(options?: CallOptions): Promise<EngineStatus>;
  /** Stores an item, or finds it stored already, and tells whether all of it could be embedded. */
  remember(item: HistoryItemInput, options?: CallOptions): Promise<RememberedItem>;
  /**
   * Removes an item, and erases what was trained on it: out of the history in one transaction, out of the model before it resolves,
   * unless an answer is being written, which ends as it began. False when there was none.
   */
  forget(id: string, options?: CallOptions): Promise<boolean>;
  /** Removes all items and adapters. */
  forgetEverything(options?: CallOptions): Promise<void>;
  items(task?: string, options?: CallOptions): Promise<HistoryItem[]>;
  /** JSONL text, all or nothing, idempotent. @throws PersonaPlugError `invalid-import` with line number and reason. */
  importHistory(jsonl: string, options?: LongCallOptions): Promise<ImportResult>;
  /**
   * JSONL text of all items, and of where their adapters came from; `includeVectors` adds vectors (base64 float32) and what the adapters
   * have learned, so that a later import is bit-equal. Without them an import offers to train again.
   */
  exportHistory(options?: CallOptions & { includeVectors?: boolean }): Promise<string>;
  /** Streams events: explanation first, then deltas, then end. */
  generate(request: GenerateRequest, options?: CallOptions): AsyncIterable<GenerateEvent>;
  /** What would drive the answer, without the answer. */
  explain(request: GenerateRequest, options?: LongCallOptions): Promise<Explanation>;
}
