// The manifest of a model package: its files with their hashes, and how the model is used.

export interface ManifestFile {
  readonly path: string;
  readonly bytes: number;
  /** hex */
  readonly sha256: string;
  readonly role: 'weights' | 'graph' | 'tokenizer' | 'library' | 'config' | 'golden' | 'licence' | 'card';
}

interface ManifestBase {
  readonly schemaVersion: 1;
  readonly name: string;
  readonly version: string;
  readonly licence: string;
  readonly description: string;
  readonly files: readonly ManifestFile[];
  /** SHA-256 (hex) over the files that decide the model's outputs. A plug names its embedder and language model by it. */
  readonly fingerprint: string;
  readonly trainingData: readonly { readonly name: string; readonly licence: string; readonly source: string }[];
  readonly results: Readonly<Record<string, unknown>>;
}

export interface EmbedderManifest extends ManifestBase {
  readonly kind: 'embedder';
  readonly embedder: {
    readonly dim: number;
    readonly maximumTokens: number;
    readonly pooling: 'mean' | 'cls';
    readonly isNormalized: boolean;
    readonly graph: string;
    readonly tokenizer: string;
    readonly selfTest: string;
  };
}

/** One part of a prompt template: a control token, or the place for the persona's rows or for the prompt text. */
export type PromptTemplatePart = { readonly control: string } | { readonly slot: 'persona' | 'prompt' };

interface OnnxForm {
  readonly graph: string;
  /** Kinds of adapter that the graph has inputs for. */
  readonly adapters?: readonly ('lora' | 'ia3')[];
}

/** A graph that takes token ids and holds the embedding table; its weights are whole files. */
export interface CausalOnnxForm extends OnnxForm {
  readonly form?: 'causal';
  readonly externalData: readonly string[];
  /**
   * The graph declares float32 weights, and the external files hold bfloat16 in the same order; they are widened at load. Absent: the
   * graph takes the files' bytes as they are.
   */
  readonly externalDtype?: 'bfloat16';
}

/** A graph that takes input embeddings; its weights are computed at load from the shards that `tensorCache` describes. */
export interface DecoderOnnxForm extends OnnxForm {
  readonly form: 'decoder';
  /** Which weight of the graph is computed from which records. */
  readonly weightTable: string;
  readonly tensorCache: string;
}

export interface LanguageModelManifest extends ManifestBase {
  readonly kind: 'language-model';
  readonly languageModel: {
    readonly hiddenSize: number;
    readonly vocabularySize: number;
    readonly layers: number;
    readonly heads: number;
    readonly kvHeads: number;
    readonly headDim: number;
    readonly contextWindow: number;
    readonly endTokens: readonly number[];
    readonly tokenizer: string;
    readonly promptTemplate: readonly PromptTemplatePart[];
    readonly onnx?: CausalOnnxForm | DecoderOnnxForm;
    readonly webllm?: { readonly library: string; readonly version: string };
  };
}

export interface PlugManifest extends ManifestBase {
  readonly kind: 'plug';
  readonly plug: {
    readonly embedder: string;
    readonly languageModel: string;
    readonly dim: number;
    readonly hiddenSize: number;
    readonly projectorWidth: number;
    /** 0 for a control: instruction rows alone. */
    readonly personaRows: number;
    readonly instructionRows: number;
    /** r: how many numbers of the query the instruction rows follow; absent or 0 where they are constant. */
    readonly instructionRank?: number;
    /** Whether W·x is scaled to length 1, as in PPlug's query encoder; absent: it is not. */
    readonly normalizesQuery?: boolean;
    /** Tasks whose outputs are left out of the persona; absent: none. */
    readonly withoutOutputs?: readonly string[];
    readonly tasks: readonly string[];
    /** Tasks with unigram adaptation, and the language model's number of tokens; absent: none. */
    readonly marginals?: { readonly tasks: readonly string[]; readonly vocabularySize: number };
    readonly gateThreshold: number;
    readonly weights: string;
  };
}

export interface GoldenManifest extends ManifestBase {
  readonly kind: 'golden';
}

export type Manifest = EmbedderManifest | LanguageModelManifest | PlugManifest | GoldenManifest;
