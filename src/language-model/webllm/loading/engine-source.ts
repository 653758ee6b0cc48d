// The source of an engine: a model package whose files are checked, or a model record that the application supplies.
import type { ModelRecord } from '@mlc-ai/web-llm';
import { PersonaPlugError } from '../../../lib/errors.ts';
import type { OnProgress } from '../../../lib/progress.ts';
import type { LanguageModelManifest } from '../../../model-package/manifest.ts';
import type { ModelPackage } from '../../../model-package/model-source.ts';
import type { TextTokenizer } from '../../language-model.ts';
import { createTextTokenizer } from '../../text-tokenizer.ts';
import { openEngine, type EngineSession, type OpenEngineOptions } from './engine-session.ts';
import { checkListedHashes } from './listed-hashes.ts';
import { withVerifiedFiles } from './verified-files.ts';
import { testedModelVersion } from '../hook/version-guard.ts';

/** A WebLLM model that the application supplies, e.g. one of `prebuiltAppConfig`. */
export interface WebllmRecord {
  readonly record: ModelRecord;
  readonly tokenizer: TextTokenizer;
  readonly endTokens: readonly number[];
  /** The fingerprint by which a plug names this model. */
  readonly fingerprint: string;
  /** SHA-256 sums (hex) by file name beside the model, the library's under `library`: checked before the load. */
  readonly sha256?: Readonly<Record<string, string>>;
}

type LoadOptions = Pick<OpenEngineOptions, 'signal' | 'onProgress'>;

/** Opens engines of one model: the first one, and another one after each loss. */
export interface EngineSource {
  readonly name: string;
  readonly fingerprint: string;
  readonly tokenizer: TextTokenizer;
  readonly endTokens: readonly number[];
  /** The hidden size by the manifest; null where there is none. */
  readonly hiddenSize: number | null;
  open(options: LoadOptions): Promise<EngineSession>;
}

/** @throws PersonaPlugError `model-mismatch` when the package's library is for another release of WebLLM. */
export async function packageSource(
  modelPackage: ModelPackage<LanguageModelManifest>,
  allowUntestedVersion: boolean,
  { signal, onProgress }: LoadOptions,
): Promise<EngineSource> {
  const { name, fingerprint, languageModel } = modelPackage.manifest;
  const built = languageModel.webllm?.version;
  if (built !== undefined && !allowUntestedVersion && `v${built.replaceAll('.', '_')}/base` !== testedModelVersion) {
    throw new PersonaPlugError(
      'model-mismatch',
      `The library of ${name} was built for web-llm ${built}, not for ${testedModelVersion}. Build it again with training/package/webgpu_library.`,
    );
  }
  const tokenizerJson = await modelPackage.json(languageModel.tokenizer, given({ signal, onProgress }));
  return {
    name,
    fingerprint,
    tokenizer: createTextTokenizer(tokenizerJson),
    endTokens: languageModel.endTokens,
    hiddenSize: languageModel.hiddenSize,
    open: async (options) =>
      await withVerifiedFiles(
        modelPackage,
        async (placed) =>
          await openEngine({
            ...options,
            record: { model: placed.model, model_id: name, model_lib: placed.library },
          }),
        given(options),
      ),
  };
}

export function recordSource({ record, sha256, ...model }: WebllmRecord): EngineSource {
  return {
    ...model,
    name: record.model_id,
    hiddenSize: null,
    async open(options) {
      if (sha256 !== undefined) await checkListedHashes(record, sha256, options.signal);
      return await openEngine({ ...options, record });
    },
  };
}

/** Leaves out what is undefined, as exact optional properties want it. */
function given({ signal, onProgress }: LoadOptions): {
  signal?: AbortSignal;
  onProgress?: OnProgress;
} {
  return { ...(signal ? { signal } : {}), ...(onProgress ? { onProgress } : {}) };
}
