"""What jobs are made of: parameters, triggers, sources, properties."""
