"""What a LeViT is: its sizes, the trained network, the deploy form, and the readers of checkpoints."""
