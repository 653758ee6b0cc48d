// The graph that training/package/export_onnx_llm.py writes: token ids and soft rows in, one tensor for the whole KV cache. It holds the
// embedding table itself. It knows nothing of sampling or text.
import { PersonaPlugError } from '../../lib/errors.ts';
import type { LanguageModelManifest } from '../../model-package/manifest.ts';
import type { OnnxSession, OnnxTensor } from '../../onnx-runtime/onnx-session.ts';
import { type ChunkGraph, checkInputs, disposeAll } from './sequence.ts';

const inputNames = ['input_ids', 'soft_rows', 'is_soft', 'first_logit', 'past_key_values'];

/** Outputs that stay on the GPU. */
export const causalGraphCache = ['present_key_values'];

/** @throws PersonaPlugError `model-mismatch` when the graph was not exported by training/. */
export function checkCausalGraph(session: OnnxSession, name: string): void {
  checkInputs(session.inputNames, inputNames, name);
}

/** How the graph runs a chunk. `adapter` holds further inputs of every run, which the caller disposes of. */
export function causalGraph(
  session: OnnxSession,
  { layers, kvHeads, headDim, hiddenSize, vocabularySize }: LanguageModelManifest['languageModel'],
  adapter: Readonly<Record<string, OnnxTensor>> = {},
): ChunkGraph {
  return {
    vocabularySize,
    emptyCache: () => ({ past_key_values: session.float32(new Float32Array(0), [layers, 2, kvHeads, 0, headDim]) }),
    async run({ positions, start, end, firstLogit }, cache) {
      const count = end - start;
      const inputs = {
        input_ids: session.int64(positions.ids.slice(start, end), [count]),
        soft_rows: session.float32(positions.rows.slice(start * hiddenSize, end * hiddenSize), [count, hiddenSize]),
        is_soft: session.bool(positions.isSoft.slice(start, end), [count]),
        first_logit: session.int64([firstLogit], [1]),
      };
      const { logits, present_key_values: present } = await session.run({ ...inputs, ...adapter, ...cache });
      disposeAll(inputs);
      if (present === undefined)
        throw new PersonaPlugError('runtime-failed', 'The graph has no output present_key_values. Export it again.');
      return { logits, cache: { past_key_values: present } };
    },
  };
}
