import type { BaseIssue, BaseSchema } from 'valibot';

export interface OnceDevice {
  readonly kind: 'webgpu' | 'wasm';
  readonly reason: string;
  readonly adapter: string | null;
  readonly isFallbackAdapter: boolean;
}
export interface OnceAnswer {
  readonly text: string;
  readonly answer: string | null;
  readonly promptTokens: number;
  readonly newTokens: number;
  readonly finishReason: string;
}
export interface OnceTimes {
  readonly embedded: number;
  readonly firstToken: number;
  readonly total: number;
}
export interface OnceIdentity {
  readonly name: string;
  readonly fingerprint: string;
}
/** What `--once --json` prints; docs/once-schema.md tells what each field means. */
export interface OnceDocument {
  readonly schemaVersion: 1;
  readonly question: { readonly task: string; readonly input: string; readonly at: string | null };
  readonly history: {
    readonly file: string;
    readonly added: number;
    readonly replaced: number;
    readonly unchanged: number;
    readonly partlyEmbedded: number;
    readonly itemsOfTask: number;
  };
  readonly answers: { readonly none: OnceAnswer; readonly persona: OnceAnswer };
  readonly gate: {
    readonly value: number;
    readonly threshold: number;
    readonly isPersonaUsed: boolean;
    readonly reason: string;
  };
  readonly heaviestItems: readonly {
    readonly id: string;
    readonly date: string | null;
    readonly weight: number;
    readonly input: string;
    readonly output: string;
  }[];
  readonly devices: {
    readonly embedder: OnceDevice;
    readonly languageModel: OnceDevice & { readonly runtime: 'webllm' | 'onnx' };
  };
  readonly models: {
    readonly embedder: OnceIdentity;
    readonly languageModel: OnceIdentity;
    readonly plug: OnceIdentity;
  };
  readonly selfTest: { readonly passed: boolean; readonly smallestCosine: number };
  readonly milliseconds: {
    readonly load: number;
    readonly import: number;
    readonly none: OnceTimes;
    readonly persona: OnceTimes;
  };
  readonly requests: {
    readonly otherOrigins: number;
    readonly ownOrigin: number;
    readonly foreign: readonly string[];
  };
  readonly browser: string;
}
export const onceSchema: BaseSchema<unknown, OnceDocument, BaseIssue<unknown>>;
