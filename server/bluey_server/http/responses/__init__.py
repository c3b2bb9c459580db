"""`/v1/responses`: conversations that the server keeps, and of which only the new is sent."""
