"""Browsers as boards: the page of a bundle, served to them, and the times that they send back."""
