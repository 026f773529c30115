"""Where the tasks of a sweep run."""
