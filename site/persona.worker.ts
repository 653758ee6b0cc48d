import { servePersonaWorker } from 'persona-plug/worker';
import { watchRequestsInWorker } from './watch-requests.ts';

servePersonaWorker();
watchRequestsInWorker();
