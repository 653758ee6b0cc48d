import { serveTrainingWorker } from '../../src/worker/tuning/index.ts';

serveTrainingWorker();
