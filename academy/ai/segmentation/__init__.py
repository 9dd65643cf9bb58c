"""`ai.question_segmentation`: where each question of a printed test stands, and its picture."""
