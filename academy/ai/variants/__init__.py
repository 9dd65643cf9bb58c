"""Problem variants: templates, drawn with other numbers, each answer proved a second way."""
