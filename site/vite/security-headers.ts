// The headers that every response carries, pages, worker scripts, wasm and 404s alike: a worker that is loaded by URL
// obeys the policy of its own response, not that of the page.

const policy = {
  'default-src': "'none'",
  'script-src': "'self' 'wasm-unsafe-eval'",
  'worker-src': "'self'",
  'connect-src': "'self'",
  'img-src': "'self' data:",
  'style-src': "'self'",
  'base-uri': "'none'",
  'form-action': "'none'",
  'frame-ancestors': "'none'",
};

/** The Content-Security-Policy; `overrides` replace directives, for the development server alone. */
export function contentSecurityPolicy(overrides: Partial<typeof policy> = {}): string {
  return Object.entries({ ...policy, ...overrides })
    .map(([name, value]) => `${name} ${value}`)
    .join('; ');
}

const permissions = ['camera', 'microphone', 'geolocation', 'display-capture', 'usb', 'serial', 'hid', 'payment'];

/** The strict headers of the built site. */
export const securityHeaders: Readonly<Record<string, string>> = {
  'Content-Security-Policy': contentSecurityPolicy(),
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy': permissions.map((name) => `${name}=()`).join(', '),
};

/** With hot reload: vite puts styles into the page itself. Nothing may leave the origin here either. */
export const developmentHeaders: Readonly<Record<string, string>> = {
  ...securityHeaders,
  'Content-Security-Policy': contentSecurityPolicy({ 'style-src': "'self' 'unsafe-inline'" }),
};
