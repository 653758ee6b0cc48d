import type { DemoProps } from './demo-props.ts';

/** What went wrong, in a sentence with its remedy; for a forced device that is missing, the way around. */
export function FailureNotice({ demo }: DemoProps) {
  const failure = demo.state.failure.value;
  if (failure === null) return null;
  const { phase } = demo.state;
  return (
    <section class="failure" role="alert">
      <div>
        <h2>{failure.title}</h2>
        <p>{failure.message}</p>
        <p class="quiet">
          <code>{failure.code}</code>
        </p>
      </div>
      <div class="row">
        {failure.code === 'webgpu-unavailable' && (
          <a class="button" href="?embedder=wasm&llm=wasm">
            Run without WebGPU
          </a>
        )}
        {phase.value === 'failed' ? (
          <button type="button" onClick={() => globalThis.location.reload()}>
            Load again
          </button>
        ) : (
          <button type="button" onClick={() => (demo.state.failure.value = null)}>
            Dismiss
          </button>
        )}
      </div>
    </section>
  );
}
