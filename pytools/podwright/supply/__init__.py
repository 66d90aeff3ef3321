"""Trust in images: SBOM, provenance, signatures, vulnerabilities; by the field's own programs."""
