"""What is said in a recording or a lecture, as text with times, and as captions."""
