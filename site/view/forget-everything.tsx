import { useRef } from 'preact/hooks';
import { ignoreFailure } from '../ignore-failure.ts';
import type { DemoProps } from './demo-props.ts';

/** A button, and the question behind it. */
export function ForgetEverything({ demo, isDisabled }: DemoProps & { readonly isDisabled: boolean }) {
  const dialog = useRef<HTMLDialogElement>(null);
  return (
    <>
      <button type="button" class="danger" disabled={isDisabled} onClick={() => dialog.current?.showModal()}>
        Forget everything
      </button>
      <dialog ref={dialog} aria-labelledby="forget-title">
        <h2 id="forget-title">Forget everything?</h2>
        <p>
          All {demo.state.items.value.length} items and their vectors are removed from this browser. Nobody else has a
          copy, unless you exported one.
        </p>
        <div class="row">
          <button type="button" onClick={() => dialog.current?.close()}>
            Keep my history
          </button>
          <button
            type="button"
            class="danger"
            onClick={() => {
              dialog.current?.close();
              ignoreFailure(demo.forgetEverything());
            }}
          >
            Forget everything
          </button>
        </div>
      </dialog>
    </>
  );
}
