// `persona-plug/tuning`: what the file of a training worker imports. The page trains through `Personalizer.adapters`.
export { type ServeTrainingWorkerOptions, serveTrainingWorker } from './serve-training-worker.ts';
export type { Task } from '../../tasks/task.ts';
