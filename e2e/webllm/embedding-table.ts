// The embedding rows of tokens, read from the shard as WebLLM reads them: bfloat16, converted to float32.
import type { LanguageModelManifest } from '../../src/model-package/manifest.ts';
import type { ModelPackage } from '../../src/model-package/model-source.ts';

interface TensorCache {
  readonly records: readonly {
    readonly dataPath: string;
    readonly records: readonly { readonly name: string; readonly byteOffset: number; readonly nbytes: number }[];
  }[];
}

/** Gives the rows of tokens, `[ids.length, hiddenSize]`. */
export async function openEmbeddingTable(
  modelPackage: ModelPackage<LanguageModelManifest>,
): Promise<(ids: readonly number[]) => Float32Array> {
  const { hiddenSize } = modelPackage.manifest.languageModel;
  const cache = (await modelPackage.json('tensor-cache.json')) as TensorCache;
  const shard = cache.records.find(({ records }) => records.some(isEmbedding));
  const record = shard?.records.find(isEmbedding);
  if (shard === undefined || record === undefined) throw new Error('The package has no embedding table.');
  const bytes = await modelPackage.bytes(shard.dataPath);
  const table = new Uint16Array(bytes.slice(record.byteOffset, record.byteOffset + record.nbytes).buffer);
  return (ids) => {
    const bits = new Uint32Array(ids.length * hiddenSize);
    for (const [index, id] of ids.entries()) {
      for (let column = 0; column < hiddenSize; column++) {
        bits[index * hiddenSize + column] = (table[id * hiddenSize + column] ?? 0) << 16;
      }
    }
    return new Float32Array(bits.buffer);
  };
}

function isEmbedding({ name }: { readonly name: string }): boolean {
  return name === 'model.embed_tokens.weight';
}
