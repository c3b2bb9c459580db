"""What is asked for: a request's fields, checked, and the prompt that is made of them."""
