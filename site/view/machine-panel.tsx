import type { DeviceChoice, EngineStatus } from 'persona-plug';
import { formatDuration } from '../format.ts';
import type { DemoProps } from './demo-props.ts';

/** Which models run, where, why there, and whether they passed their self-test. */
export function MachinePanel({ demo }: DemoProps) {
  const { status, loadMilliseconds, phase } = demo.state;
  return (
    <section class="card" aria-labelledby="machine-title">
      <h2 id="machine-title">This machine</h2>
      {status.value === null ? (
        <p class="quiet">{phase.value === 'loading' ? 'The models are on their way.' : 'No model is loaded.'}</p>
      ) : (
        <Models status={status.value} />
      )}
      {phase.value === 'cancelled' && (
        <button type="button" onClick={() => globalThis.location.reload()}>
          Load the models
        </button>
      )}
      {loadMilliseconds.value !== null && (
        <p class="quiet">Ready {formatDuration(loadMilliseconds.value)} after the page began to load.</p>
      )}
    </section>
  );
}

function Models({ status: { embedder, languageModel, plug } }: { readonly status: EngineStatus }) {
  return (
    <dl class="facts">
      <dt>Language model</dt>
      <dd>
        {languageModel.name} · {languageModel.runtime === 'webllm' ? 'WebLLM' : 'ONNX Runtime'} ·{' '}
        <Device device={languageModel.device} />
      </dd>
      <dt>Embedder</dt>
      <dd>
        {embedder.name} · <Device device={embedder.device} />
      </dd>
      <dt>Self-test</dt>
      <dd class={embedder.selfTestPassed ? 'is-good' : 'is-bad'}>
        {embedder.selfTestPassed ? 'passed' : 'failed'}, smallest cosine {embedder.smallestCosine.toFixed(4)}
      </dd>
      <dt>Plug</dt>
      <dd>
        {plug.name} <code class="quiet">{plug.fingerprint.slice(0, 12)}</code>
      </dd>
    </dl>
  );
}

function Device({ device }: { readonly device: DeviceChoice }) {
  return (
    <>
      <strong>{device.kind === 'webgpu' ? 'WebGPU' : 'wasm'}</strong>
      <span class="quiet">
        {' · '}
        {device.reason}
      </span>
    </>
  );
}
