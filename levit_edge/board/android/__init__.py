"""Reaching phones: the app, and adb without Python."""
