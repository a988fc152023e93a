"""Where frames come from: the only folder that opens captures and interfaces."""
