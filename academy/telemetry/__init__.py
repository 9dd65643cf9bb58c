"""What the platform says about itself to Prometheus and to a trace collector."""
