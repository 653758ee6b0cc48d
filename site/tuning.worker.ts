import { serveTuningWorker } from '../src/worker/tuning/index.ts';
import { watchRequestsInWorker } from './watch-requests.ts';

serveTuningWorker();
watchRequestsInWorker();
