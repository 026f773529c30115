"""Everything that happens to finished artifacts: bundles, runtimes, verification."""
