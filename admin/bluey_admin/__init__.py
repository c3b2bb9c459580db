"""Making adapters: the command line, the training worker, the makers of the embedded models."""
