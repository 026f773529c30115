"""Images as people have them: one file for each layout, which recognises it by its content."""
