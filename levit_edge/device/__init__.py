"""What runs on a board: Python 3.9, the standard library, numpy and Pillow; nothing else of levit_edge."""
