"""`ai.ocr_text`: the text of pictures and PDFs, line by line."""
