import { servePersonaWorker } from '../src/worker/index.ts';
servePersonaWorker();
