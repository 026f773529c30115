"""Packages for browsers: a page with the models and their runtime in it, or a folder for a static host."""
