"""Questions as a teacher corrected them: the boxes of `ai.question_segmentation`, made right."""
