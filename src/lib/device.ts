// The backend that a model runs on, and why.

/** A backend by name, or `auto`: WebGPU on a hardware adapter, else wasm. */
export type DevicePreference = 'auto' | 'webgpu' | 'wasm';

/** The backend that was taken, with the reason in words. */
export interface DeviceChoice {
  readonly kind: 'webgpu' | 'wasm';
  readonly reason: string;
  /** Description of the WebGPU adapter where there is one, e.g. `google swiftshader`. */
  readonly adapter: string | null;
  /** True when the adapter is a software rasterizer (`adapter.info.isFallbackAdapter`). */
  readonly isFallbackAdapter: boolean;
}
