"""What model files hold."""
