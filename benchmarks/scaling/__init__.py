"""What a sweep costs: measured task by task, and forecast for clusters that nobody here has."""
