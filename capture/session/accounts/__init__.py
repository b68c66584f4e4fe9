"""What a session asks for about accounts, again and again, and what it knows by the answers."""
