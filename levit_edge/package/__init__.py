"""Packages for apps and boards: one file with the int8 model and all that it takes to use it and to trust it."""
