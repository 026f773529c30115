"""Boards that qemu emulates: instructions and kernels."""
