"""Instructions that an emulated ARM processor executes for one inference: repeatable on any machine, and not cycles."""
