// Serves the test pages with a policy that lets jax-js start workers from blob URLs. Only for the benchmark of threads.
import { defineConfig } from 'vite';
import pages from '../../e2e/vite.config.ts';
import { modelFiles } from '../../site/vite/model-files.ts';
import { contentSecurityPolicy, securityHeaders } from '../../site/vite/security-headers.ts';
import { strictResponses } from '../../site/vite/strict-responses.ts';

const policy = contentSecurityPolicy({ 'worker-src': "'self' blob:" });

export default defineConfig({
  ...pages,
  plugins: [strictResponses({ ...securityHeaders, 'Content-Security-Policy': policy }), modelFiles()],
});
