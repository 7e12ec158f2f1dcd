"""x-kubernetes-validations: rules in CEL, checked with the definition, asked of objects."""
