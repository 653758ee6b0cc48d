// Loads a decoder graph: its weights stay quantized in the package and are widened tensor by tensor while the runtime loads. Afterwards
// the float32 weights are in the runtime's heap, the embedding table in its stored form is here, and nothing else is kept.
import { float16Table } from '../../lib/float16.ts';
import { createProgressMeter } from '../../lib/progress-meter.ts';
import type { DecoderOnnxForm, LanguageModelManifest } from '../../model-package/manifest.ts';
import { parseTensorCache } from '../../model-package/tensor-cache.ts';
import { createOnnxSession, type OnnxSession } from '../../onnx-runtime/onnx-session.ts';
import { checkDecoderGraph, decoderGraph, decoderGraphCache } from './decoder-graph.ts';
import { createEmbeddingTable, type EmbeddingTable } from './embedding-table.ts';
import { closeOnError, type GraphContext, type GraphLoader, type LoadedGraph } from './graph-loader.ts';
import { lazyExternalData } from './lazy-external-data.ts';
import { asMemoryShortage, checkDeviceMemory } from './memory-shortage.ts';
import { bytesPerRow, widenRows } from './quantized-weights.ts';
import { openWeightTable, parseWeightTable, type WeightTableJson } from './weight-table.ts';

/**
 * Reads graph, table and shards.
 *
 * @throws PersonaPlugError `memory-insufficient` before the shards are read, `model-mismatch`, `model-integrity`, `model-missing`,
 * `network-failed`; `signal.reason`.
 */
export async function readDecoderGraph(
  onnx: DecoderOnnxForm,
  { modelPackage, read, runtimeFiles, deviceMemory }: GraphContext,
): Promise<GraphLoader> {
  const { manifest } = modelPackage;
  const { name } = manifest;
  const { signal, onProgress } = read;
  const graph = await modelPackage.bytes(onnx.graph, read);
  const tableJson = parseWeightTable(await modelPackage.json(onnx.weightTable, read), name);
  const cache = parseTensorCache(await modelPackage.json(onnx.tensorCache, read), name);
  const need = { name, needed: bytesInMemory(tableJson) };
  checkDeviceMemory(need, deviceMemory);
  const shards = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const path of cache.shards) shards.set(path, await modelPackage.bytes(path, read));
  const table = openWeightTable(tableJson, cache, shards, name);

  return async (device) => {
    const float16 = float16Table();
    const meter = createProgressMeter({
      stage: 'load',
      label: name,
      total: table.tensors.length,
      unit: 'items',
      onProgress,
    });
    meter.update(0);
    const weights = lazyExternalData({
      bytes: table.bytes,
      ranges: table.tensors,
      widen: ({ stored, isTransposed }, target) => widenRows(stored, float16, target, { isTransposed }),
      onRange(done) {
        signal?.throwIfAborted();
        meter.update(done);
      },
    });
    let session: OnnxSession;
    try {
      session = await createOnnxSession({
        device: device.kind,
        name,
        graph,
        externalData: [{ path: table.file, data: weights.data }],
        gpuOutputs: decoderGraphCache(manifest.languageModel),
        ...(runtimeFiles ? { files: runtimeFiles } : {}),
      });
    } catch (error) {
      throw asMemoryShortage(weights.failure() ?? error, need);
    }
    await closeOnError(session, () => {
      weights.checkComplete();
      checkDecoderGraph(session, manifest);
    });
    return loadedDecoder(session, manifest, createEmbeddingTable(table.embedding, float16));
  };
}

/** A function of its own: what it returns lives as long as the model, and must not hold the shards. */
function loadedDecoder(
  session: OnnxSession,
  { languageModel }: LanguageModelManifest,
  embedding: EmbeddingTable,
): LoadedGraph {
  return { session, withAdapter: (adapter) => decoderGraph(session, languageModel, embedding, adapter) };
}

/** What stays once the model is loaded: float32 weights in the runtime, and the embedding table as it is stored. */
function bytesInMemory({ bytes, embedding: { form, columns, firstRow, lastRow } }: WeightTableJson): number {
  const row = bytesPerRow(form, columns);
  return bytes + (lastRow - firstRow) * (row.values + row.scales);
}
