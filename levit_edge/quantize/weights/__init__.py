"""Rounding weights."""
