"""What is served, described as OpenAPI: made of the tables and types that serve it."""
