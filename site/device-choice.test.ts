import { describe, expect, it } from 'vitest';
import { engineOptionsFromQuery } from './device-choice.ts';

describe('engineOptionsFromQuery', () => {
  it('leaves everything to the engine without a query', () => {
    expect(engineOptionsFromQuery('')).toEqual({ models: '/models/' });
  });

  it('forces devices, runtime and storage', () => {
    expect(engineOptionsFromQuery('?embedder=wasm&llm=webgpu&llmRuntime=onnx&storage=one')).toEqual({
      models: '/models/',
      embedderDevice: 'wasm',
      languageModelDevice: 'webgpu',
      languageModelRuntime: 'onnx',
      storageName: 'one',
    });
  });

  it('refuses an unknown device by name', () => {
    expect(() => engineOptionsFromQuery('?llm=quantum')).toThrow(
      expect.objectContaining({
        code: 'invalid-argument',
        message: expect.stringMatching(/llm=quantum.*auto, wasm, webgpu/u),
      }),
    );
  });
});
