// What the address asks for: `?embedder=wasm|webgpu&llm=wasm|webgpu&llmRuntime=onnx|webllm&storage=NAME`.
import { type EngineOptions, PersonaPlugError } from 'persona-plug';

/**
 * Reads the engine's options from the query of an address. What it does not name is left to the engine.
 *
 * @throws PersonaPlugError `invalid-argument` for a value that is none of the known ones.
 */
export function engineOptionsFromQuery(query: string): EngineOptions {
  const parameters = new URLSearchParams(query);
  const embedderDevice = oneOf(parameters, 'embedder', ['auto', 'wasm', 'webgpu'] as const);
  const languageModelDevice = oneOf(parameters, 'llm', ['auto', 'wasm', 'webgpu'] as const);
  const languageModelRuntime = oneOf(parameters, 'llmRuntime', ['onnx', 'webllm'] as const);
  const storageName = parameters.get('storage');
  return {
    models: '/models/',
    ...(embedderDevice === null ? {} : { embedderDevice }),
    ...(languageModelDevice === null ? {} : { languageModelDevice }),
    ...(languageModelRuntime === null ? {} : { languageModelRuntime }),
    ...(storageName === null || storageName === '' ? {} : { storageName }),
  };
}

function oneOf<T extends string>(parameters: URLSearchParams, name: string, allowed: readonly T[]): T | null {
  const value = parameters.get(name);
  if (value === null) return null;
  const known = allowed.find((candidate) => candidate === value);
  if (known === undefined) {
    throw new PersonaPlugError(
      'invalid-argument',
      `The address says ${name}=${value}. Known values are ${allowed.join(', ')}.`,
    );
  }
  return known;
}
