"""From a trained LeViT to INT8 artifacts: fuse, calibrate, quantize, export."""
