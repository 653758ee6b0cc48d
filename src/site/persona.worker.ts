import { servePersonaWorker } from '../worker/index.ts';
servePersonaWorker();
