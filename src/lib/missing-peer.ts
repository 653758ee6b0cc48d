// The runtimes are optional peers: an application installs those that it uses. Each is loaded by an `import()` with the package's name
// inside a `try`, which bundlers take as optional: without the package webpack warns, and Vite compiles a module that throws. A static
// import, or `import(…).catch(…)`, would make the build fail.
import { PersonaPlugError } from './errors.ts';

/** The peers of package.json. */
const releases = {
  '@jax-js/jax': '0.1.25',
  '@mlc-ai/web-llm': '0.2.86',
  'onnxruntime-web': '~1.30.0',
} as const;

/** The error for a runtime whose import failed: `runtime-failed`, with the line that installs it. */
export function missingPeer(name: keyof typeof releases, cause: unknown): PersonaPlugError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new PersonaPlugError(
    'runtime-failed',
    `${name} could not be loaded: ${reason}. Install it (npm install ${name}@${releases[name]}), or reload the page where it is installed.`,
    { cause, details: { package: name } },
  );
}
