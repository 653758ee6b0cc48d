// The names that the examples in the sources may use without declaring them.
import type { AppConfig, MLCEngine } from '@mlc-ai/web-llm';
import type { Personalizer } from '../src/engine/personalizer.ts';
import type { TextTokenizer } from '../src/language-model/language-model.ts';
import type { OnProgress } from '../src/lib/progress.ts';
import type { ModelPackage, ModelSource } from '../src/model-package/model-source.ts';
import type { EvaluationTask, EvaluationModels, Method, Prediction } from '../src/evaluation/index.ts';
import type { SoftPrompt } from '../src/language-model/webllm/index.ts';

declare global {
  const personalizer: Personalizer;
  const models: ModelSource;
  const modelPackage: ModelPackage;
  const tokenizer: TextTokenizer;
  const tokens: readonly number[];
  const logits: Float32Array;
  const rows: Float32Array;
  const engine: MLCEngine;
  const appConfig: AppConfig;
  const persona: SoftPrompt;
  const question: string;
  const onProgress: OnProgress;
  const evaluationModels: EvaluationModels;
  const tasks: readonly EvaluationTask[];
  const task: EvaluationTask;
  const predictions: readonly Prediction[];
  const methods: readonly Method[];
  const input: { readonly value: string };
  function write(text: string): void;
  function show(value: unknown): void;
  function showSettings(): void;
}
