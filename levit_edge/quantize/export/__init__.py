"""Exporters of the quantized graph: one file per runtime."""
