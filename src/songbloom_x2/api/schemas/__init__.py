"""What goes over the wire: one file a resource. Fields are told in their descriptions, which the OpenAPI shows."""
