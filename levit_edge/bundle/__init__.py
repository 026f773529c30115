"""The format that every room exchanges: a folder with a manifest."""
