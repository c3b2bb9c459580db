"""What is given: the example data set, the embedded models, and how training data is read."""
