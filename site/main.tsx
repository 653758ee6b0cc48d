// The page's start: reads the address, shows the page, loads the models in the worker.
import { render } from 'preact';
import { App } from './view/app.tsx';
import { Demo } from './demo.ts';
import { engineOptionsFromQuery } from './device-choice.ts';
import { createScriptInterface } from './script-interface.ts';

const demo = new Demo({
  engine: () => engineOptionsFromQuery(globalThis.location.search),
  createWorker: () => new Worker(new URL('./persona.worker.ts', import.meta.url), { type: 'module', name: 'persona' }),
  createTrainingWorker: () =>
    new Worker(new URL('./training.worker.ts', import.meta.url), { type: 'module', name: 'training' }),
});
const place = document.querySelector('#application');
if (place !== null) render(<App demo={demo} />, place);
globalThis.personaPlugDemo = createScriptInterface(demo, demo.load());
