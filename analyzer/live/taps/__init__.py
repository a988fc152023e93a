"""Where live packets come from: a capturing program as a child, a pipe, a packet socket."""
