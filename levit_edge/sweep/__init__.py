"""Many checkpoints and recipes, evaluated on images in local folders or object stores, by one machine or several."""
