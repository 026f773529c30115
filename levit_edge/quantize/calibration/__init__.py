"""Images to calibrate on, and what the network computes on them."""
