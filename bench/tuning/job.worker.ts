import { serveTuningWorker } from '../../src/worker/tuning/index.ts';

serveTuningWorker();
