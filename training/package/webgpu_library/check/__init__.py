"""Random checkpoints with golden results, and the browser page that holds a compiled library to them."""
