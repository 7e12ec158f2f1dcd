"""Who may do what: roles and bindings, and the decision that follows from them."""
