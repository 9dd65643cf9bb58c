"""The ports over HTTP, to any service that speaks OpenAI's dialect."""
