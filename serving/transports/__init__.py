"""How the client's requests travel."""
