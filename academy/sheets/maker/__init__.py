"""Sheets to print (PDF) and to look at (SVG), painted from the same shapes."""
