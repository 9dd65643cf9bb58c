"""Links to the correction page, and corrected questions, over REST."""
