// Runs the kernels of make_kernel_cases.py in headless Chromium on SwiftShader and compares with numpy.
//   node training/package/webgpu_library/check/check-kernels.mjs cases.json
// Exits 1 when a number is off by more than 1e-4 + 1e-5 of it.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { chromium } from 'playwright';

const cases = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const server = createServer((_, response) =>
  response.setHeader('content-type', 'text/html').end('<!doctype html>'),
).listen(0, '127.0.0.1'); // navigator.gpu exists in secure contexts only, and localhost is one

/** In the page: dispatches one kernel, whose buffers are named x_ptr, w_ptr, s_ptr, y_ptr. */
async function runKernel({ code, uniforms, workgroups, x, w, s, y }) {
  const device = await (await navigator.gpu.requestAdapter()).requestDevice();
  const { STORAGE, UNIFORM, COPY_DST, COPY_SRC, MAP_READ } = GPUBufferUsage;
  const storage = {
    x_ptr: new Float32Array(x),
    w_ptr: new Uint32Array(w),
    s_ptr: new Uint32Array(s),
    y_ptr: new Float32Array(y.length),
  };
  const kinds = { uniform: 'uniform', 'storage, read': 'read-only-storage', 'storage, read_write': 'storage' };
  const bindings = [...code.matchAll(/@binding\((\d+)\) var<([^>]+)> (\w+)/g)].map(([, index, kind, name]) => {
    const data = kind === 'uniform' ? new Int32Array(uniforms) : storage[name];
    const buffer = device.createBuffer({
      size: Math.ceil(data.byteLength / 16) * 16,
      usage: (kind === 'uniform' ? UNIFORM : STORAGE) | COPY_DST | COPY_SRC,
    });
    device.queue.writeBuffer(buffer, 0, data);
    return { binding: Number(index), name, buffer, type: kinds[kind] };
  });
  const layout = device.createBindGroupLayout({
    entries: bindings.map(({ binding, type }) => ({
      binding,
      visibility: GPUShaderStage.COMPUTE,
      buffer: { type },
    })),
  });
  const pipeline = device.createComputePipeline({
    layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
    compute: { module: device.createShaderModule({ code }) },
  });
  const entries = bindings.map(({ binding, buffer }) => ({ binding, resource: { buffer } }));
  const result = device.createBuffer({ size: 4 * y.length, usage: MAP_READ | COPY_DST });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, device.createBindGroup({ layout, entries }));
  pass.dispatchWorkgroups(...workgroups);
  pass.end();
  const output = bindings.find(({ name }) => name === 'y_ptr').buffer;
  encoder.copyBufferToBuffer(output, 0, result, 0, 4 * y.length);
  device.queue.submit([encoder.finish()]);
  await result.mapAsync(GPUMapMode.READ);
  const actual = new Float32Array(result.getMappedRange());
  let relative = 0;
  for (let i = 0; i < y.length; i++) {
    const here = Math.abs(actual[i] - y[i]) / (1e-4 + 1e-5 * Math.abs(y[i]));
    if (!(here <= relative)) relative = here;
  }
  device.destroy();
  return relative;
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-background-networking', '--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'],
});
let isPassed = cases.length > 0;
try {
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  for (const one of cases) {
    const relative = await page.evaluate(runKernel, one);
    isPassed &&= relative <= 1;
    console.log(`${relative <= 1 ? 'pass' : 'FAIL'}  ${one.name}: ${Math.round(100 * relative)} % of the tolerance`);
  }
} finally {
  await browser.close();
  server.close();
}
process.exit(isPassed ? 0 : 1);
