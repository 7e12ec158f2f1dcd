"""CustomResourceDefinitions: what they may say, and the rules of the objects that follow them."""
