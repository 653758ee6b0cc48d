// The evaluation inside a page, on wasm.
import {
  evaluate,
  loadEvaluationModels,
  methods,
  type Prediction,
  summarize,
  type TaskSummary,
} from '../../src/evaluation/index.ts';
import { tinyMethods, tinyTask } from './tiny-task.ts';

const evaluationTestPage = {
  async measure(): Promise<{ predictions: Prediction[]; summary: TaskSummary }> {
    await using loaded = await loadEvaluationModels({ models: '/models/', device: 'wasm' });
    const { models } = loaded;
    const task = tinyTask();
    const chosen = methods.filter(({ name }) => tinyMethods.includes(name));
    const predictions: Prediction[] = [];
    for await (const event of evaluate({ models, tasks: [task], methods: chosen, split: 'all' })) {
      if (event.type === 'prediction') predictions.push(event.prediction);
    }
    return { predictions, summary: summarize(task, predictions, chosen, { draws: 1000 }) };
  },
};

export type EvaluationTestPage = typeof evaluationTestPage;

declare global {
  var evaluationTestPage: EvaluationTestPage;
}

globalThis.evaluationTestPage = evaluationTestPage;
