"""What each layer costs, and the search for better schemes."""
