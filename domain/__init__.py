"""Pure decisions: events, commands, states and the functions between them."""
