"""What a comparison has found, for reading: a page for the browser, a table for the terminal."""
