"""Compiles a WebLLM model library (.wasm with WebGPU kernels) for a Llama and converts checkpoints for it. See
README.md.
"""
