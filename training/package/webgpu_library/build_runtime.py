"""Compiles TVM's WebGPU runtime to the three bitcode files that build_library.py links, from wheels of PyPI and emcc
alone.

    python -m training.package.webgpu_library.build_runtime [--tvm-home DIR]

Run it with the Python of an environment that holds the group webgpu-library of pyproject.toml. The wheel of apache-tvm
carries web/ and src/runtime, and that of apache-tvm-ffi its C++ sources. Six support headers are in neither, so they
come out of the wheel of tilelang, which contains a TVM of about the same age (downloaded and unpacked, not installed).
"""

from __future__ import annotations

import argparse
import concurrent.futures
import importlib.util
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
TVM_HOME = HERE / "tvm-home"
HEADER_WHEEL = "tilelang==0.1.15"
HEADERS = (
    "include/tvm/support/io.h",
    "include/tvm/support/serializer.h",
    "src/support/base64.h",
    "src/support/bytes_io.h",
    "src/support/ring_buffer.h",
    "src/support/utils.h",
)
BITCODE = ("wasm_runtime", "webgpu_runtime", "tvmjs_support")
# Not needed by WebLLM, and each needs headers that no wheel has: remote procedure calls, CPU sort, self-tests.
DROPPED = re.compile(r'#include "(src/runtime/rpc/|src/runtime/extra/contrib/sort/|3rdparty/tvm-ffi/src/ffi/testing/)')
NVTX = """#pragma once
#include <string>
namespace tvm { namespace support {
struct NVTXScopedRange { explicit NVTXScopedRange(const std::string&) {} };  // profiler ranges exist on CUDA only
} }
"""


def package_folder(name: str) -> Path:
    """The folder of an installed package, without importing it."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise FileNotFoundError(f"the package {name} is not installed: pip install --group webgpu-library")
    return Path(spec.origin).parent


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def assemble(home: Path) -> None:
    """Lays the wheels' sources out as TVM's own repository does."""
    shutil.rmtree(home, ignore_errors=True)
    for folder in ("include", "src", "web"):
        shutil.copytree(package_folder("tvm") / folder, home / folder)
    for folder in ("include", "src", "3rdparty"):
        shutil.copytree(package_folder("tvm_ffi") / folder, home / "3rdparty/tvm-ffi" / folder)
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", scratch, HEADER_WHEEL]
        subprocess.run(command, check=True)
        with zipfile.ZipFile(next(Path(scratch).glob("*.whl"))) as wheel:
            for header in HEADERS:
                write(home / header, wheel.read(f"tilelang/3rdparty/tvm/{header}").decode())
    write(home / "include/tvm/support/cuda/nvtx.h", NVTX)
    runtime = home / "web/emcc/wasm_runtime.cc"
    lines = runtime.read_text(encoding="utf-8").splitlines(keepends=True)
    write(runtime, "".join(line for line in lines if not DROPPED.match(line)))
    shutil.copyfile(HERE / "webgpu_support.cc", home / "web/emcc/tvmjs_support.cc")


def compile_bitcode(home: Path, name: str) -> None:
    output = home / f"web/dist/wasm/{name}.bc"
    output.parent.mkdir(parents=True, exist_ok=True)
    includes = (".", "include", "3rdparty/tvm-ffi/include", "3rdparty/tvm-ffi/3rdparty/dlpack/include")
    flags = ("-O3", "-std=c++17", "-Wno-ignored-attributes", "-emit-llvm", "-c")
    command = ["emcc", *(f"-I{folder}" for folder in includes), *flags, "-o", str(output), f"web/emcc/{name}.cc"]
    subprocess.run(command, check=True, cwd=home)


def is_built(home: Path) -> bool:
    """Whether all bitcode files are there."""
    return all((home / f"web/dist/wasm/{name}.bc").is_file() for name in BITCODE)


def build_runtime(home: Path) -> None:
    """Assembles and compiles; raises FileNotFoundError where emcc or a wheel is missing."""
    if shutil.which("emcc") is None:
        raise FileNotFoundError("emcc is not on the PATH: apt-get install emscripten (3.1.6 is what was tried)")
    start = time.monotonic()
    assemble(home)
    assembled = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor() as pool:
        list(pool.map(lambda name: compile_bitcode(home, name), BITCODE))
    print(f"{home}: assembled in {assembled - start:.1f} s, compiled in {time.monotonic() - assembled:.1f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tvm-home", type=Path, default=TVM_HOME)
    build_runtime(parser.parse_args().tvm_home.resolve())


if __name__ == "__main__":
    main()
