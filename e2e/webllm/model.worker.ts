import { createModelScenarios, type ModelScenarios } from './model-scenarios.ts';

declare global {
  var modelScenarios: () => Promise<ModelScenarios>;
}

let scenarios: Promise<ModelScenarios> | undefined;
globalThis.modelScenarios = () => (scenarios ??= createModelScenarios());
