"""What an adapter is: its files, its versions, its base, and where all of that is kept."""
