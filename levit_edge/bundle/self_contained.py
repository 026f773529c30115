"""Whether an ONNX file is all that it needs: one can have its weights in other files, and names those itself.

ONNX Runtime 1.31 opens what a model names even when it is given the model's bytes: relative to the working directory,
and `../` too (seen). So such a file is refused before any runtime gets it. This module needs no package.
"""

import re

__all__ = ["ELSEWHERE", "is_self_contained"]

KEY = b"location"
"""That every entry of `TensorProto.external_data` needs."""
BEFORE_KEY = re.compile(rb"(?:\x0a|\x8a\x80*\x00)(?:\x08|\x88\x80*\x00)\Z")
"""As protocol buffers write it: field 1, 8 bytes; also with the padded numbers that readers take. A file that has this
word elsewhere, as the name of an input, is taken for one with other files; ours have not."""
LONGEST_BEFORE = 20
ELSEWHERE = "its weights are in other files, which are not opened: give one self-contained file."
ORT_FORMAT = b"ORTM"
"""Bytes 4 to 7 of ONNX Runtime's own format, which it takes for ONNX. It is not looked into."""


def is_self_contained(data: bytes) -> bool:
    """Whether the bytes of an ONNX file name no other file. Of ONNX Runtime's own format nobody knows: never."""
    if data[4:8] == ORT_FORMAT:
        return False
    places = (found.start() for found in re.finditer(KEY, data))
    return not any(BEFORE_KEY.search(data, max(0, at - LONGEST_BEFORE), at) for at in places)
