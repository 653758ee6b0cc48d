// The test pages with a policy that lets jax-js start its own workers from blob URLs: for the bench alone, to see what threads bring.
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
