"""Self-contained pages: a bundle, bundles beside each other, boards, a sweep."""
