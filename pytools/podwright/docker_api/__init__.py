"""What those have in common that stand before a Docker Engine: authz and dood."""
