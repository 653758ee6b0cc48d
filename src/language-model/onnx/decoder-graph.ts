// The graph that training/package/onnx_decoder.py adapts from onnxruntime-genai's exporter: input embeddings in, a key and a value tensor
// for each layer. Rows of tokens are looked up here, soft rows go in as they are.
import { PersonaPlugError } from '../../lib/errors.ts';
import type { LanguageModelManifest } from '../../model-package/manifest.ts';
import type { OnnxSession, OnnxTensor } from '../../onnx-runtime/onnx-session.ts';
import type { EmbeddingTable } from './embedding-table.ts';
import { type Chunk, type ChunkGraph, checkInputs, disposeAll } from './sequence.ts';

const inputNames = ['inputs_embeds', 'attention_mask', 'first_logit'];

const parts = ['key', 'value'] as const;

/** Names of the cache's tensors, `past_key_values.0.key` and so on, or `present.0.key` as outputs. */
function cacheNames(layers: number, stem: 'past_key_values' | 'present'): string[] {
  return Array.from({ length: layers }, (_, layer) => parts.map((part) => `${stem}.${layer}.${part}`)).flat();
}

/** Outputs that stay on the GPU. */
export function decoderGraphCache({ layers }: LanguageModelManifest['languageModel']): string[] {
  return cacheNames(layers, 'present');
}

/** @throws PersonaPlugError `model-mismatch` when the graph was not exported by training/. */
export function checkDecoderGraph(
  session: OnnxSession,
  { name, languageModel: { layers } }: Pick<LanguageModelManifest, 'name' | 'languageModel'>,
): void {
  checkInputs(session.inputNames, [...inputNames, ...cacheNames(layers, 'past_key_values')], name);
}

/** How the graph runs a chunk. `adapter` holds further inputs of every run, which the caller disposes of. */
export function decoderGraph(
  session: OnnxSession,
  { layers, kvHeads, headDim, hiddenSize, vocabularySize }: LanguageModelManifest['languageModel'],
  embedding: EmbeddingTable,
  adapter: Readonly<Record<string, OnnxTensor>> = {},
): ChunkGraph {
  const pastNames = cacheNames(layers, 'past_key_values');
  const presentNames = cacheNames(layers, 'present');

  /** `[end - start, hiddenSize]` */
  function inputRows({ positions, start, end }: Chunk): Float32Array {
    const rows = positions.rows.slice(start * hiddenSize, end * hiddenSize);
    for (let position = start; position < end; position++) {
      if (positions.isSoft[position] === true) continue;
      const row = (position - start) * hiddenSize;
      embedding.lookUp(positions.ids[position] ?? 0, rows.subarray(row, row + hiddenSize));
    }
    return rows;
  }

  return {
    vocabularySize,
    emptyCache: () =>
      Object.fromEntries(
        pastNames.map((name) => [name, session.float32(new Float32Array(0), [1, kvHeads, 0, headDim])]),
      ),
    async run(chunk, cache) {
      const count = chunk.end - chunk.start;
      const total = chunk.cached + count;
      const inputs = {
        inputs_embeds: session.float32(inputRows(chunk), [1, count, hiddenSize]),
        // One sequence without padding: the graph counts the ones.
        attention_mask: session.int64(
          Array.from({ length: total }, () => 1),
          [1, total],
        ),
        first_logit: session.int64([chunk.firstLogit], [1]),
      };
      const outputs = await session.run({ ...inputs, ...adapter, ...cache });
      disposeAll(inputs);
      const present: Record<string, OnnxTensor> = {};
      for (const [index, name] of presentNames.entries()) {
        const tensor = outputs[name];
        if (tensor === undefined)
          throw new PersonaPlugError('runtime-failed', `The graph has no output ${name}. Export it again.`);
        present[pastNames[index] ?? ''] = tensor;
      }
      return { logits: outputs['logits'], cache: present };
    },
  };
}
