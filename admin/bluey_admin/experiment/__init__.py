"""Training the same data in several ways, and comparing what came of it."""
