"""`ai.homework_video`: a video of a workbook being leafed through, as the pages it shows."""
