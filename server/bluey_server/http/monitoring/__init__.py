"""For whoever watches the server: health, metrics, and what every process holds."""
