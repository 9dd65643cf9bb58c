"""`ai.short_answer_digits`: numbers written by hand in boxes, read one by one."""
