"""What this machine has for levit-edge, and what to do about what it lacks."""
