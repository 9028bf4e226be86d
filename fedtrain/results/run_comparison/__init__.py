"""`fedtrain compare`: several runs in one table and one HTML file."""
