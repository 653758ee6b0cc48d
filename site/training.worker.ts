import { serveTrainingWorker } from 'persona-plug/tuning';
import { watchRequestsInWorker } from './watch-requests.ts';

serveTrainingWorker();
watchRequestsInWorker();
