import { servePersonaWorker } from '../src/worker/index.ts';
import { watchRequestsInWorker } from './watch-requests.ts';

servePersonaWorker();
watchRequestsInWorker();
