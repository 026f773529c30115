"""The Hugging Face hub, as far as something of ours goes there."""
