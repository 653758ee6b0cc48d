// Sees which requests a page or a worker makes: what the policy blocked, and what was loaded from where. It runs in
// both, since each reports only its own. It shows the visitor what happens; the tests prove it from outside the browser.

/** A request to another origin, or one that the policy refused. */
export interface ForeignRequest {
  readonly where: 'page' | 'worker';
  readonly url: string;
  readonly isBlocked: boolean;
  /** The directive that blocked it; for a request that went through, what asked for it. */
  readonly by: string;
}

/** How many left this machine, and how many the policy stopped. */
export function countForeign(requests: readonly ForeignRequest[]): { readonly sent: number; readonly blocked: number } {
  const blocked = requests.filter(({ isBlocked }) => isBlocked).length;
  return { sent: requests.length - blocked, blocked };
}

/**
 * Adds a foreign request to those that are known. A blocked one is told of twice, by its violation and by its empty
 * resource entry, in either order; the policy never changes, so one address is not sent once and blocked once.
 */
export function addForeign(known: readonly ForeignRequest[], request: ForeignRequest): readonly ForeignRequest[] {
  // Of a frame, the violation names only the origin.
  const isEcho = (sent: ForeignRequest, of: ForeignRequest): boolean =>
    !sent.isBlocked && of.isBlocked && sent.where === of.where && [sent.url, new URL(sent.url).origin].includes(of.url);
  if (known.some((other) => isEcho(request, other))) return known;
  return [...known.filter((other) => !isEcho(other, request)), request];
}

/** What the watcher tells: one more request of the own origin, or a foreign one. */
export type RequestReport =
  | { readonly kind: 'own'; readonly url: string; readonly bytes: number }
  | { readonly kind: 'foreign'; readonly request: ForeignRequest };

/** Starts watching; reports also what was loaded before. Returns how to stop. */
export function watchRequests(where: ForeignRequest['where'], report: (report: RequestReport) => void): () => void {
  const scope: EventTarget = globalThis.document ?? globalThis;
  const onViolation = (event: Event): void => {
    if (!isViolation(event)) return;
    report({
      kind: 'foreign',
      request: { where, url: event.blockedURI, isBlocked: true, by: event.effectiveDirective },
    });
  };
  scope.addEventListener('securitypolicyviolation', onViolation);
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (isResource(entry)) reportResource(where, entry, report);
  });
  observer.observe({ type: 'resource', buffered: true });
  return () => {
    scope.removeEventListener('securitypolicyviolation', onViolation);
    observer.disconnect();
  };
}

function reportResource(
  where: ForeignRequest['where'],
  entry: PerformanceResourceTiming,
  report: (report: RequestReport) => void,
): void {
  const { protocol, origin } = new URL(entry.name);
  // No request: such addresses point into the page's own memory.
  if (protocol === 'data:' || protocol === 'blob:') return;
  if (origin === globalThis.location.origin) {
    report({ kind: 'own', url: entry.name, bytes: entry.transferSize });
    return;
  }
  report({ kind: 'foreign', request: { where, url: entry.name, isBlocked: false, by: entry.initiatorType } });
}

/** Some scopes have no global of that class, so the type of the event is asked instead. */
function isViolation(event: Event): event is SecurityPolicyViolationEvent {
  return 'blockedURI' in event && 'effectiveDirective' in event;
}

function isResource(entry: PerformanceEntry): entry is PerformanceResourceTiming {
  return entry.entryType === 'resource';
}

const messageTag = 'persona-plug-demo/request';

/** In the worker: watches, and tells the page over the worker's own port. */
export function watchRequestsInWorker(): void {
  // The border: this module's worker half runs where the global scope is the port to the page.
  const port = globalThis as unknown as { postMessage(message: unknown): void };
  watchRequests('worker', (report) => port.postMessage({ tag: messageTag, report }));
}

/** In the page: listens to what the worker's half tells. */
export function onWorkerReport(worker: Worker, listener: (report: RequestReport) => void): void {
  worker.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
    const report = readReport(data);
    if (report !== null) listener(report);
  });
}

/** The border: page and worker come from one build. */
function readReport(data: unknown): RequestReport | null {
  if (typeof data !== 'object' || data === null || !('tag' in data) || data.tag !== messageTag) return null;
  return 'report' in data ? (data.report as RequestReport) : null;
}
