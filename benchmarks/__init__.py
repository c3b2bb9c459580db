"""How fast bluey is, beside `mlx_lm.server` and the bare batch loop: `python -m benchmarks`."""
