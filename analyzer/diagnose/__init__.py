"""Evidence to findings: the rule documents and what runs them."""
