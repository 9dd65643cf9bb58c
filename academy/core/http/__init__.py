"""What every HTTP answer has in common: errors, strict input, pages, limits, the schema."""
