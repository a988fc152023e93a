"""The network as captures and facts show it: who owns which address, who is on which link, who sends where."""
