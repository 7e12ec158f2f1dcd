"""How much of the server one user may take, and for how long a client may keep it waiting."""
