"""The balancer's side of the story: the mapping, the legs, the capture points."""
