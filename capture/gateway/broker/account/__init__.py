"""What an account has, what that is worth, and what it can bear: exact to the last digit."""
