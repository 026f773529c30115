"""The `levit-edge` command: one file per subcommand; each parses, calls the library and prints."""
