"""What both controllers stand on: the API client, caches, loops, names and labels."""
