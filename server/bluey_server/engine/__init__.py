"""The engine process: one base, many adapters, one batch, mlx-lm untouched.

Only backend.py, bank.py, sampler.py and processors.py import MLX; engine.py and residency.py
decide, and can be tested without it.
"""
