// What an ONNX form of a language model is to the rest: files that are read once, then a graph on a device, perhaps on a second one.
import type { DeviceChoice } from '../../lib/device.ts';
import type { LanguageModelManifest } from '../../model-package/manifest.ts';
import type { ModelPackage, ReadOptions } from '../../model-package/model-source.ts';
import type { OnnxRuntimeFiles } from '../../onnx-runtime/load-runtime.ts';
import type { OnnxSession, OnnxTensor } from '../../onnx-runtime/onnx-session.ts';
import type { ChunkGraph } from './sequence.ts';

/** A loaded graph: its session, and how a sequence runs on it. */
export interface LoadedGraph {
  readonly session: OnnxSession;
  /** `adapter` holds further inputs of every run; they stay the caller's. */
  readonly withAdapter: (adapter: Readonly<Record<string, OnnxTensor>>) => ChunkGraph;
}

export interface GraphContext {
  readonly modelPackage: ModelPackage<LanguageModelManifest>;
  readonly read: ReadOptions;
  readonly runtimeFiles: OnnxRuntimeFiles | undefined;
  /** Gibibytes; null where nobody knows. */
  readonly deviceMemory: number | null;
}

/** Loads on a device what was read. */
export type GraphLoader = (device: DeviceChoice) => Promise<LoadedGraph>;

/** A session that must not outlive a failed check. */
export async function closeOnError(session: OnnxSession, check: () => void): Promise<void> {
  try {
    check();
  } catch (error) {
    await session[Symbol.asyncDispose]();
    throw error;
  }
}
