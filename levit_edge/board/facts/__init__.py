"""What a board is, from what it says of itself."""
