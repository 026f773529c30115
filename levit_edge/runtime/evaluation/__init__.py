"""Running files over images, and comparing what they compute."""
