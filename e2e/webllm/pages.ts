/** Where the server of the test pages listens. */
export const testPage = `http://127.0.0.1:${process.env['PERSONA_PLUG_PAGES_PORT'] ?? '4300'}/e2e/webllm/`;
