import { servePersonaWorker } from '../worker/index.ts';
import { watchRequestsInWorker } from './watch-requests.ts';

servePersonaWorker();
watchRequestsInWorker();
