"""What the AI kinds are worth: accuracy on made-up sets, and what a core does in a second."""
