// `persona-plug/worker`: what a worker's file imports.
export { type Task } from '../tasks/task.ts';
export { servePersonaWorker, type ServePersonaWorkerOptions } from './serve-persona-worker.ts';
export { type EngineServer, serveEngine, type ServeOptions } from './serve-engine.ts';
export type { LoadEngine } from './shared-engine.ts';
