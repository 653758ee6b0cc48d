// The page of the WebLLM tests: the hook runs here, the language model in a worker.
import { createHookScenarios, type HookScenarios } from './hook-scenarios.ts';

declare global {
  var hookScenarios: () => Promise<HookScenarios>;
  var startModelWorker: () => void;
}

let scenarios: Promise<HookScenarios> | undefined;
globalThis.hookScenarios = () => (scenarios ??= createHookScenarios());
globalThis.startModelWorker = () =>
  void new Worker(new URL('model.worker.ts', import.meta.url), { type: 'module', name: 'model' });
