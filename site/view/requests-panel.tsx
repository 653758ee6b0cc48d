import { formatBytes } from '../format.ts';
import { countForeign } from '../watch-requests.ts';
import type { DemoProps } from './demo-props.ts';

/** What page and worker asked of the network, as the browser itself reports it. */
export function RequestsPanel({ demo }: DemoProps) {
  const { ownRequests, foreignRequests } = demo.state;
  const { count, bytes } = ownRequests.value;
  const foreign = foreignRequests.value;
  const { sent, blocked } = countForeign(foreign);
  return (
    <section class="card" id="requests" aria-labelledby="requests-title">
      <h2 id="requests-title">Requests</h2>
      <dl class="facts">
        <dt>To other origins</dt>
        <dd class={foreign.length === 0 ? 'is-good' : 'is-bad'}>
          <strong>{sent}</strong> sent, <strong>{blocked}</strong> blocked
        </dd>
        <dt>To this origin</dt>
        <dd>
          {count}, {formatBytes(bytes)}: this page and its models
        </dd>
      </dl>
      {foreign.length > 0 && (
        <div role="alert">
          <ul class="foreign">
            {foreign.map((request, index) => (
              <li key={index}>
                <strong>{request.isBlocked ? 'Blocked' : 'Sent'}</strong> in the {request.where}:{' '}
                <code>{request.url}</code> <span class="quiet">({request.by})</span>
              </li>
            ))}
          </ul>
        </div>
      )}
      <p class="quiet">
        The policy of every response, worker and wasm included, forbids any other address. Your texts are never part of
        a request.
      </p>
    </section>
  );
}
