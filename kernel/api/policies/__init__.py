"""ValidatingAdmissionPolicies: rules in CEL for what is written, kept in the store."""
