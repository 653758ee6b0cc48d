// Loads onnxruntime-web when it is needed: a small build for wasm or a large one for WebGPU. Each build contains its glue code and
// loads its .wasm file from its own folder, so that no blob: or data: URL is needed.
import type * as Ort from 'onnxruntime-web';
import type { DeviceChoice } from '../lib/device.ts';
import { missingPeer } from '../lib/missing-peer.ts';

export type OnnxRuntime = typeof Ort;

/** Where the .wasm files lie, when a bundler does not serve them from where onnxruntime-web expects them. */
export interface OnnxRuntimeFiles {
  readonly wasm?: string;
  readonly webgpu?: string;
}

/**
 * Loads the runtime of a device. Later calls give the same module; only the first call's `files` have an effect.
 *
 * @throws PersonaPlugError `runtime-failed` when it is not installed.
 */
export async function loadOnnxRuntime(
  device: DeviceChoice['kind'],
  files: OnnxRuntimeFiles = {},
): Promise<OnnxRuntime> {
  const runtime = await importRuntime(device);
  const { wasm } = runtime.env;
  wasm.proxy = false;
  wasm.numThreads = threadCount();
  const file = files[device];
  if (file !== undefined) wasm.wasmPaths = { wasm: file };
  runtime.env.logLevel = 'error';
  // The same adapter that chooseDevice has chosen.
  if (device === 'webgpu') runtime.env.webgpu.powerPreference = 'high-performance';
  return runtime;
}

async function importRuntime(device: DeviceChoice['kind']): Promise<OnnxRuntime> {
  try {
    return device === 'webgpu' ? await import('onnxruntime-web/webgpu') : await import('onnxruntime-web/wasm');
  } catch (cause) {
    throw missingPeer('onnxruntime-web', cause);
  }
}

/** Threads need SharedArrayBuffer, which a page has only when it is isolated (COOP and COEP). */
function threadCount(): number {
  const isIsolated = (globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated === true;
  return isIsolated ? Math.max(1, Math.min(4, Math.floor(navigator.hardwareConcurrency / 2))) : 1;
}
