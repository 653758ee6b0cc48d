// Chooses the backend of a model: the requested one, or WebGPU on a hardware adapter and wasm elsewhere.
import type { DeviceChoice, DevicePreference } from './device.ts';
import { PersonaPlugError } from './errors.ts';

/** The part of `navigator.gpu` that the choice needs. */
export type GpuAccess = Pick<GPU, 'requestAdapter'>;

export interface ChooseDeviceOptions {
  /** @defaultValue `navigator.gpu`; `null` where there is none */
  readonly gpu?: GpuAccess | null;
}

/**
 * Chooses a backend. `auto` takes WebGPU only where the adapter is hardware: a software rasterizer is slower than wasm.
 *
 * @throws PersonaPlugError `webgpu-unavailable` when WebGPU is requested and there is no adapter.
 */
export async function chooseDevice(
  preference: DevicePreference = 'auto',
  { gpu = defaultGpu() }: ChooseDeviceOptions = {},
): Promise<DeviceChoice> {
  if (preference === 'wasm') {
    return { kind: 'wasm', reason: 'wasm was requested', adapter: null, isFallbackAdapter: false };
  }
  const adapter = gpu === null ? null : await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (adapter === null) {
    const reason = gpu === null ? 'there is no WebGPU here' : 'WebGPU has no adapter here';
    if (preference === 'webgpu') {
      throw new PersonaPlugError(
        'webgpu-unavailable',
        `WebGPU was requested, but ${reason}. Use device 'auto' or 'wasm', or a browser and a graphics driver with WebGPU (see chrome://gpu).`,
      );
    }
    return { kind: 'wasm', reason, adapter: null, isFallbackAdapter: false };
  }
  const { isFallbackAdapter } = adapter.info;
  const name = describeAdapter(adapter.info);
  if (preference === 'auto' && isFallbackAdapter) {
    return {
      kind: 'wasm',
      reason: `the WebGPU adapter (${name}) is software, and wasm is faster`,
      adapter: name,
      isFallbackAdapter,
    };
  }
  const reason = preference === 'webgpu' ? 'WebGPU was requested' : 'WebGPU has a hardware adapter';
  return { kind: 'webgpu', reason, adapter: name, isFallbackAdapter };
}

function describeAdapter(info: GPUAdapterInfo): string {
  const parts = [info.vendor, info.architecture].filter((part) => part !== '');
  return parts.length > 0 ? parts.join(' ') : info.description || 'unnamed adapter';
}

function defaultGpu(): GpuAccess | null {
  // The type says that it is always there, but it is absent in Node, in insecure contexts and in browsers without WebGPU.
  return (globalThis as { navigator?: { gpu?: GpuAccess } }).navigator?.gpu ?? null;
}
