"""What a person does at a desk, and no pipeline in its pod; bundles leave it out."""
