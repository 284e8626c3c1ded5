"""How `schemas.document_reader` reads a site document: YAML, fields, then what fields mean."""
