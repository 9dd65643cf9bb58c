"""Pictures of filled sheets to answers. Runs in the sandbox; knows neither Django nor a network."""
