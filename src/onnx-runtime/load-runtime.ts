// Loads onnxruntime-web, the small build for wasm or the big one for WebGPU, and only when it is needed.
// Each build carries its own glue code and asks for its .wasm file beside itself, on the own origin: no blob: and no data: URL.
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
 * Loads the runtime of a device. Later calls give the same module; `files` counts at the first.
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
  // The adapter that chooseDevice looked at.
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
