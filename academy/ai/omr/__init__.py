"""What the premium tier adds to answer sheets: a second reading of doubtful rows, and training."""
