// Loads a causal graph: its weights are handed to the runtime as whole files.
import { createProgressMeter } from '../../lib/progress-meter.ts';
import type { CausalOnnxForm } from '../../model-package/manifest.ts';
import { createOnnxSession } from '../../onnx-runtime/onnx-session.ts';
import { causalGraph, causalGraphCache, checkCausalGraph } from './causal-graph.ts';
import { closeOnError, type GraphContext, type GraphLoader } from './graph-loader.ts';
import { widenBfloat16 } from './widen-bfloat16.ts';

/** Reads graph and weights. @throws PersonaPlugError `model-integrity`, `model-missing`, `network-failed`; `signal.reason`. */
export async function readCausalGraph(
  onnx: CausalOnnxForm,
  { modelPackage, read, runtimeFiles }: GraphContext,
): Promise<GraphLoader> {
  const { name, languageModel } = modelPackage.manifest;
  const { onProgress } = read;
  const graph = await modelPackage.bytes(onnx.graph, read);
  const externalData: { path: string; data: Uint8Array<ArrayBuffer> }[] = [];
  for (const path of onnx.externalData) {
    const data = await modelPackage.bytes(path, read);
    externalData.push({ path, data: onnx.externalDtype === 'bfloat16' ? widenBfloat16(data) : data });
  }
  return async (device) => {
    const meter = createProgressMeter({ stage: 'load', label: name, total: 1, unit: 'steps', onProgress });
    meter.update(0);
    const session = await createOnnxSession({
      device: device.kind,
      name,
      graph,
      externalData,
      gpuOutputs: causalGraphCache,
      ...(runtimeFiles ? { files: runtimeFiles } : {}),
    });
    await closeOnError(session, () => checkCausalGraph(session, name));
    meter.update(1);
    return { session, withAdapter: (adapter) => causalGraph(session, languageModel, adapter) };
  };
}
