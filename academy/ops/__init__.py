"""What one person runs the platform from: the console, the deep check and their API."""
