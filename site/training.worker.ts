import { serveTrainingWorker } from '../src/worker/tuning/index.ts';
import { watchRequestsInWorker } from './watch-requests.ts';

serveTrainingWorker();
watchRequestsInWorker();
