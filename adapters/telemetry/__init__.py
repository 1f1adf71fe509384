"""What the platform tells about itself: metrics, logs, traces."""
