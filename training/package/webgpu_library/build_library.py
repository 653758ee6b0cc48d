"""Compiles a model library (.wasm) for WebLLM 0.2.86 from a Llama config.json.

    python -m training.package.webgpu_library.build_library config.json model.wasm [options]

--quantization says which weights the library reads (as convert_weights.py stores them), --variant which kernels it has:
`portable` without shared memory, right and fastest on SwiftShader, or `fast`, for graphics hardware.

The TVM home is the folder that build_runtime.py fills, on the first run by itself. LIBRARY_NOTICES.md is written beside
the library. --dump writes the WGSL of all kernels for inspection.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import shutil
import time
from pathlib import Path

import tvm
from tvm import ir, relax
from tvm.s_tir import dlight
from tvm.support import emcc

from training.package.webgpu_library.build_runtime import HERE, TVM_HOME, build_runtime, is_built
from training.package.webgpu_library.llama import Llama
from training.package.webgpu_library.llama_config import LlamaConfig
from training.package.webgpu_library.matrices import QUANTIZATIONS, VARIANTS, Build

NOTICES = HERE / "LIBRARY_NOTICES.md"
TARGET = tvm.target.Target(
    {"kind": "webgpu", "max_num_threads": 256},
    # The linker of Debian 12 (LLVM 14) reads neither newer bitcode nor newer wasm features: plain MVP objects only.
    host={"kind": "llvm", "mtriple": "wasm32-unknown-unknown-wasm", "mcpu": "mvp"},
)


def metadata(config: LlamaConfig, build: Build, parameters: list[tuple[str, relax.frontend.nn.Parameter]]) -> str:
    """The JSON that WebLLM reads before anything else: parameter names in call order, chunk size, kind of state."""
    return json.dumps(
        {
            "model_type": "llama",
            "quantization": "q0f32" if build.quantization == "bf16" else build.quantization,
            "context_window_size": config.context_window_size,
            "prefill_chunk_size": config.prefill_chunk_size,
            "sliding_window_size": -1,
            "attention_sink_size": -1,
            "tensor_parallel_shards": 1,
            "max_batch_size": 1,
            "kv_state_kind": "kv_cache",
            "params": [
                {"name": name, "shape": [int(n) for n in parameter.shape], "dtype": parameter.dtype}
                for name, parameter in parameters
            ],
        }
    )


def build_module(config: LlamaConfig, build: Build) -> tvm.IRModule:
    """Traces the model and adds what WebLLM and the memory planner need beside it."""
    with TARGET:
        model = Llama(config, TARGET, build)
        model.to("float32")
        module, parameters = model.export_tvm(model.specification())
    bounds = {"n": config.prefill_chunk_size, "batch": 1, "k": 1, "m": config.vocab_size}
    for name, function in module.functions_items():
        if isinstance(function, relax.Function):  # without bounds the planner allocates anew in every call
            module[name] = function.with_attr("tir_var_upper_bound", bounds)
    builder = relax.BlockBuilder(module)
    with builder.function("_metadata", params=[]):
        builder.emit_func_output(ir.StringImm(metadata(config, build, parameters)))
    return builder.finalize()


def lower(module: tvm.IRModule) -> tvm.IRModule:
    """TVM's standard GPU pipeline; dlight schedules what our kernels leave: norms, softmax, element-wise operations."""
    passes = [
        relax.transform.LegalizeOps(),
        relax.transform.AnnotateTIROpPattern(),
        relax.transform.FoldConstant(),
        relax.transform.FuseOps(),
        relax.transform.FuseTIR(),
        relax.transform.DeadCodeElimination(),
        dlight.ApplyDefaultSchedule(
            dlight.gpu.Reduction(),
            dlight.gpu.GeneralReduction(),
            dlight.gpu.Fallback(),
        ),
        *relax.backend.gpu_generic.dataflow_lower_passes(TARGET),
        *relax.backend.gpu_generic.finalize_passes(TARGET),
    ]
    with TARGET:
        return tvm.transform.Sequential(passes)(module)


def link(output: str, objects: list[str], **options: object) -> None:
    emcc.create_tvmjs_wasm(output, objects, **options)


link.object_format = "o"  # see TARGET: TVM's default, bitcode, does not link here


def dump_shaders(executable: relax.VMExecutable, folder: Path) -> None:
    """Writes the WGSL of every kernel into one file."""
    folder.mkdir(parents=True, exist_ok=True)
    for device_module in executable.mod.imports:
        for nested in [device_module, *device_module.imports]:
            if nested.kind == "webgpu":
                (folder / "kernels.wgsl").write_text(nested.inspect_source(), encoding="utf-8")


def build_library(
    config_path: Path, output: Path, build: Build, tvm_home: Path = TVM_HOME, dump: Path | None = None
) -> None:
    """Compiles and links; the same config gives the same bytes."""
    config = LlamaConfig.load(config_path)
    if not is_built(tvm_home):
        build_runtime(tvm_home)
    os.environ["TVM_HOME"] = str(tvm_home)  # read by tvm.support.emcc
    start = time.monotonic()
    executable = relax.build(lower(build_module(config, build)), TARGET, relax_pipeline=None, system_lib=True)
    if dump:
        dump_shaders(executable, dump)
    compiled = time.monotonic()
    output.parent.mkdir(parents=True, exist_ok=True)
    executable.export_library(str(output), fcompile=link)
    output.chmod(0o644)  # emcc marks it executable
    shutil.copyfile(NOTICES, output.parent / NOTICES.name)  # licences of what is inside ship beside it
    print(dataclasses.asdict(config))
    seconds = f"compiled in {compiled - start:.1f} s, linked in {time.monotonic() - compiled:.1f} s"
    print(f"{output}: {output.stat().st_size / 1e6:.2f} MB, {seconds}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--quantization", choices=QUANTIZATIONS, default=Build.quantization)
    parser.add_argument("--variant", choices=VARIANTS, default=Build.variant)
    parser.add_argument("--tvm-home", type=Path, default=TVM_HOME)
    parser.add_argument("--dump", type=Path)
    arguments = parser.parse_args()
    build = Build(arguments.quantization, arguments.variant)
    build_library(arguments.config, arguments.output, build, arguments.tvm_home.resolve(), arguments.dump)


if __name__ == "__main__":
    main()
