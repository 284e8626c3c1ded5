"""Benches: what the product promises, measured. A module of this folder with a `BENCH` is one."""
